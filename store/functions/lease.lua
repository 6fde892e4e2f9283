-- SPDX-License-Identifier: Apache-2.0
-- Leases and timers. lease:<name> = "<node> <fence>" with its end; fences: name → the fence of the newest holder.
-- timers: zset of "<what> <id>" by due time. Whoever fires takes a due one by moving it on a minute (seconds where
-- somebody is in danger): it comes again unless it is dropped. fences has for each that fires "t <timer>" as well: whose holder fires it.
do
    local int = P.int
    local AGAIN_MS = 60000
    local LEFT_MS = 250
    local GRACE_MS = 3000 -- for what the holder before may still have under way
    local SOON, SOON_MS = {alarm = true, alert = true, notice = true}, 5000 -- of somebody in danger (alert.lua)

    -- name node ttl: the fence when the node holds it (taken or renewed), else minus the milliseconds that it is another's.
    P.reg_full('lease_take', function(K, a)
        local key, node, ttl = K .. 'lease:' .. a[1], a[2], a[3]
        local now = call('GET', key)
        if not now then
            local fence = call('HINCRBY', K .. 'fences', a[1], 1)
            call('SET', key, node .. ' ' .. int(fence), 'PX', ttl)
            return fence
        end
        local holder, fence = string.match(now, '^(%S+) (%d+)$')
        if holder ~= node then
            return -math.max(1, call('PTTL', key))
        end
        call('PEXPIRE', key, ttl)
        return tonumber(fence)
    end)

    -- name node
    P.reg_full('lease_give', function(K, a)
        local key = K .. 'lease:' .. a[1]
        local now = call('GET', key)
        if now and string.match(now, '^(%S+) ') == a[2] then
            call('DEL', key)
        end
        return redis.status_reply('OK')
    end)

    P.reg_full('timer_set', function(K, a)
        call('ZADD', K .. 'timers', a[2], a[1])
        return redis.status_reply('OK')
    end)

    P.reg_full('timer_drop', function(K, a)
        call('ZREM', K .. 'timers', a[1])
        call('HDEL', K .. 'fences', 't ' .. a[1])
        return redis.status_reply('OK')
    end)

    -- Does an earlier holder, which may be alive, fire it just now? The clock can be set forward over the end of its lease and over the minute.
    -- Of somebody in danger twice is better than late.
    local function under_way(K, timer, fence, held_ms)
        local by = held_ms < GRACE_MS and call('HGET', K .. 'fences', 't ' .. timer)
        return by and by ~= fence and not SOON[string.match(timer, '^%S+')]
    end

    -- fence, how many ms it is held: what is due as {timer, its new time, …}, and first how long until the next one (-1: none).
    P.reg_full('timers_due', function(K, a)
        if P.fenced(K, 'timers', a[1]) then
            return P.err('FENCED')
        end
        local key, now = K .. 'timers', P.now()
        local out, held_ms, left = {-1}, tonumber(a[2]) or GRACE_MS, 0
        for _, timer in ipairs(call('ZRANGEBYSCORE', key, '-inf', int(now), 'LIMIT', 0, 100)) do
            if under_way(K, timer, a[1], held_ms) then
                left = LEFT_MS
            else
                local again = int(now + (SOON[string.match(timer, '^%S+')] and SOON_MS or AGAIN_MS))
                call('ZADD', key, again, timer)
                call('HSET', K .. 'fences', 't ' .. timer, a[1])
                out[#out + 1], out[#out + 2] = timer, again
            end
        end
        local first = call('ZRANGE', key, 0, 0, 'WITHSCORES')
        if first[2] then
            out[1] = math.max(left, tonumber(first[2]) - now)
        end
        out[#out + 1] = int(now) -- the clock may have been set: whoever handles them must know at once
        return out
    end)

    -- timer time fence: it was handled; drops it unless somebody set it anew meanwhile.
    P.reg_full('timer_done', function(K, a)
        local key = K .. 'timers'
        if call('HGET', K .. 'fences', 't ' .. a[1]) == a[3] then
            call('HDEL', K .. 'fences', 't ' .. a[1])
        end
        if call('ZSCORE', key, a[1]) == a[2] then
            call('ZREM', key, a[1])
        end
        return redis.status_reply('OK')
    end)
end
