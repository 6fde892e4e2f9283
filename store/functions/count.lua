-- SPDX-License-Identifier: Apache-2.0
-- Figures for operators: counters, sizes that Redis knows, and where there are many an estimate from some.
do
    local SOME = 1000

    -- Entries of all threads: exact up to SOME threads, else from as many of them by chance.
    local function entries(K)
        local all = call('ZCARD', K .. 'threads')
        local ids = all <= SOME and call('ZRANGE', K .. 'threads', 0, -1) or call('ZRANDMEMBER', K .. 'threads', SOME)
        local n = 0
        for _, id in ipairs(ids) do
            n = n + (tonumber(call('HGET', K .. 'thread:' .. id, 'n')) or 0)
        end
        return all <= SOME and n or math.floor(n * all / SOME)
    end

    -- What waits for being sent, and what was given up, on all channels.
    local function outbox(K)
        local waiting, dead, seen = 0, 0, 0
        for _, channel in ipairs(call('HKEYS', K .. 'outf')) do
            dead = dead + call('HLEN', K .. 'deadi:' .. channel)
            for _, kind in ipairs({'out:', 'outl:'}) do
                for _, blind in ipairs(call('ZRANGE', K .. kind .. channel, 0, SOME - 1)) do
                    waiting, seen = waiting + call('LLEN', K .. 'outq:' .. channel .. ':' .. blind), seen + 1
                end
                waiting = waiting + math.max(0, call('ZCARD', K .. kind .. channel) - SOME)
            end
        end
        return waiting, dead
    end

    -- contacts threads entries open outbox dead quarantined files
    P.reg_ro('count', function(K)
        local contacts = tonumber(call('HGET', K .. 'counts', 'contacts')) or 0
        local open = call('ZCARD', K .. 'waiting') + call('ZCARD', K .. 'snoozed')
        for _, agent in ipairs(call('SMEMBERS', K .. 'agents')) do
            open = open + call('SCARD', K .. 'held:' .. agent) -- offered ones too
        end
        local waiting, dead = outbox(K)
        return {contacts, call('ZCARD', K .. 'threads'), entries(K), open, waiting, dead, call('XLEN', K .. 'quarantine'),
            call('SCARD', K .. 'blobs')}
    end)
end
