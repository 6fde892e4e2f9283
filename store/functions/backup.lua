-- SPDX-License-Identifier: Apache-2.0
-- Backups: what belongs together is copied in one step, so that it fits together although the store goes on. Indexes and whatever is of
-- the moment (queues, presence, leases, sessions) are left out and made anew from the records after a restore.
do
    local int = P.int

    local function dump(out, key)
        local v = call('DUMP', key)
        if v then
            out[#out + 1], out[#out + 2] = key, v
        end
    end

    -- thread: {key, dump, …}
    P.reg_ro('backup_thread', function(K, a)
        local out = {}
        for _, kind in ipairs({'thread:', 'log:'}) do
            dump(out, K .. kind .. a[1])
        end
        return out
    end)

    -- contact: {{key, dump, …}, {addresses' key, field, value, …}}
    P.reg_ro('backup_contact', function(K, a)
        local dumps, addresses = {}, {}
        dump(dumps, K .. 'contact:' .. a[1])
        dump(dumps, K .. 'refs:' .. a[1])
        for _, f in ipairs(call('HKEYS', K .. 'contact:' .. a[1])) do
            if #f == 17 and string.sub(f, 1, 1) == 'a' then
                local blind = string.sub(f, 2)
                local owner, value = P.addr_get(K, blind)
                if owner == a[1] then
                    local n = #addresses
                    addresses[n + 1], addresses[n + 2], addresses[n + 3] = P.addr_key(K, blind), blind, value
                end
            end
        end
        return {dumps, addresses}
    end)

    -- ---- after a restore ----

    local function drop_thread(K, id)
        call('DEL', K .. 'thread:' .. id, K .. 'log:' .. id)
    end

    -- Puts the thread into the indexes that its record names. What was offered waits again: nobody holds an offer over a restore.
    local function index(K, id)
        local t, key = P.thread(K, id), K .. 'thread:' .. id
        if not t or call('EXISTS', K .. 'contact:' .. t.c) == 0 then
            drop_thread(K, id)
            return 0
        end
        local h = P.fields(key, 'lm', 'op', 'sn', 'n')
        call('ZADD', K .. 'threads', h.lm ~= '' and h.lm or h.op ~= '' and h.op or 0, id)
        if t.st == P.OFFERED then
            call('HSET', key, 'st', P.WAITING, 'as', '', 'v', int(t.v + 1))
            call('HDEL', key, 'ox')
            t.st = P.WAITING
        end
        if t.st == P.WAITING then
            if t.wt == '' then
                t.wt = int(P.now())
                call('HSET', key, 'wt', t.wt)
            end
            call('ZADD', K .. 'waiting', t.wt, id)
        elseif t.st == P.ASSIGNED then
            call('SADD', K .. 'held:' .. t.as, id)
        elseif t.st == P.SNOOZED then
            P.sleeps(K, id, t.as, h.sn ~= '' and h.sn or 0)
        elseif t.st == P.BOT then
            P.bot_hears(K, id, P.now())
        end
        return 1
    end

    -- threads: how many are there now
    P.reg('restore_threads', function(K, a)
        local n = 0
        for _, id in ipairs(a) do
            n = n + index(K, id)
        end
        return n
    end)

    -- contacts: threads that were not copied any more (they were younger than the backup) are named no more
    P.reg('restore_contacts', function(K, a)
        for _, contact in ipairs(a) do
            local key = K .. 'contact:' .. contact
            local list, keep = call('HGET', key, 'T') or '', {}
            for at = 1, #list, 8 do
                local id = string.sub(list, at, at + 7)
                if call('EXISTS', K .. 'thread:' .. id) == 1 then
                    keep[#keep + 1] = id
                end
            end
            if #keep * 8 ~= #list then
                call('HSET', key, 'T', table.concat(keep))
            end
            for cl = 0, 2 do
                local open = call('HGET', key, 'o' .. cl)
                if open and call('EXISTS', K .. 'thread:' .. open) == 0 then
                    call('HDEL', key, 'o' .. cl)
                end
            end
        end
        return redis.status_reply('OK')
    end)

    -- channel blind: a recipient's outbox. What was sent since is dropped; what may have been sent after the backup is as if it were
    -- begun: its end is unknown, and it is not sent twice.
    P.reg('restore_outbox', function(K, a)
        local key, left = K .. 'outq:' .. a[1] .. ':' .. a[2], 0
        for _, item in ipairs(call('LRANGE', key, 0, -1)) do
            local log, seq = K .. 'log:' .. string.sub(item, 1, 8), int((struct.unpack('>I4', item, 9)))
            local v = call('HGET', log, 's' .. seq)
            local s = v and P.status_read(v)
            if s and s.status == 0 then
                s.begun = true
                call('HSET', log, 's' .. seq, P.status_write(s))
                left = left + 1
            else
                call('LREM', key, 0, item)
            end
        end
        if left > 0 then
            call('ZADD', K .. 'out:' .. a[1], int(P.now()), a[2])
        end
        return left
    end)

    -- agents: nobody is there yet
    P.reg('restore_agents', function(K)
        for _, id in ipairs(call('SMEMBERS', K .. 'agents')) do
            call('HSET', K .. 'agent:' .. id, 'ps', P.OFFLINE)
        end
        return redis.status_reply('OK')
    end)

    -- actor: the restore itself is a line, behind what was restored
    P.reg('restore_done', function(K, a)
        P.audit(K, a[1], 'restore', 'store', '')
        return redis.status_reply('OK')
    end)
end
