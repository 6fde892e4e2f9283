-- SPDX-License-Identifier: Apache-2.0
-- Queues of webhooks out. hookc: up to where the events are in the queues; while it is there, later ones are not trimmed (P.events_from).
-- hooks: set of webhooks that have anything. For each webhook w: hk:<w> hash, n waiting, lost, ok last success, fe failing since, et ec last
-- error, off why it is stopped, dq numbers the dead; hkq:<w>:<thread> list of deliveries "<id> <queued ms> <type> <json>", the oldest first;
-- hkd:<w> zset thread → when its oldest is due; hka:<w> hash thread → tries of its oldest; hkx:<w> hash id → what is dead, thread 8 and
-- "<died> <tries> <error> <delivery>"; hkz:<w> zset id → number of dying. Ids, codes and times only.
do
    local int = P.int
    local WAITING, DEAD, DEAD_MS = 100000, 10000, 30 * P.DAY_MS -- at most
    local function keys(K, w)
        return K .. 'hk:' .. w, K .. 'hkd:' .. w, K .. 'hka:' .. w, K .. 'hkx:' .. w, K .. 'hkz:' .. w
    end
    local function queue(K, w, thread)
        return K .. 'hkq:' .. w .. ':' .. thread
    end

    -- From the newest event on, when none was taken yet: the cursor.
    P.reg('hook_start', function(K)
        local at = call('GET', K .. 'hookc')
        if not at then
            local last = call('XREVRANGE', K .. 'events', '+', '-', 'COUNT', 1)
            at = last[1] and last[1][1] or '0-0'
            call('SET', K .. 'hookc', at)
        end
        return at
    end)

    -- Nobody wants events any more: what is in the queues stays.
    P.reg_full('hook_stop', function(K)
        call('DEL', K .. 'hookc')
        return redis.status_reply('OK')
    end)

    local function die(K, w, thread, item, now, tries, why)
        local state, _, _, dead, order = keys(K, w)
        local id = string.match(item, '^%S+')
        call('HSET', dead, id, thread .. int(now) .. ' ' .. tries .. ' ' .. why .. ' ' .. item)
        call('ZADD', order, int(now * 1000 + call('HINCRBY', state, 'dq', 1) % 1000), id)
        local old = call('ZRANGEBYSCORE', order, '-inf', int((now - DEAD_MS) * 1000), 'LIMIT', 0, 100)
        local over = call('ZCARD', order) - #old - DEAD
        for _, gone in ipairs(over > 0 and call('ZRANGE', order, #old, #old + over - 1) or {}) do
            old[#old + 1] = gone
            call('HINCRBY', state, 'lost', 1)
        end
        for _, gone in ipairs(old) do
            call('HDEL', dead, gone)
            call('ZREM', order, gone)
        end
    end

    -- What of this thread is in the queues and among the dead is dropped: it was sealed, or the person is erased.
    local function forget(K, w, thread)
        local state, due, tries, dead, order = keys(K, w)
        local q = queue(K, w, thread)
        local n = call('LLEN', q)
        if n > 0 then
            call('HINCRBY', state, 'n', -n)
            call('DEL', q)
        end
        call('ZREM', due, thread)
        call('HDEL', tries, thread)
        if call('HLEN', dead) > 0 then
            local all = call('HGETALL', dead)
            for i = 1, #all, 2 do
                if string.sub(all[i + 1], 1, 8) == thread then
                    call('HDEL', dead, all[i])
                    call('ZREM', order, all[i])
                end
            end
        end
    end
    function P.hooks_forget(K, thread)
        for _, w in ipairs(call('SMEMBERS', K .. 'hooks')) do
            forget(K, w, thread)
        end
    end

    -- said: "<id> <type> <json>"
    local function add(K, w, thread, said, now)
        local state, due = keys(K, w)
        local id, rest = string.match(said, '^(%S+) (.*)$')
        local item = id .. ' ' .. int(now) .. ' ' .. rest
        call('SADD', K .. 'hooks', w)
        if (tonumber(call('HGET', state, 'n')) or 0) >= WAITING then
            die(K, w, thread, item, now, 0, 'full')
            return
        end
        call('RPUSH', queue(K, w, thread), item)
        call('ZADD', due, 'NX', int(now), thread)
        call('HINCRBY', state, 'n', 1)
    end

    -- fence from to, then w thread delivery for each ('' instead of the delivery: the thread is not to be told of any more). All of it,
    -- and the cursor, in one step: an event is in the queues exactly once.
    P.reg('hook_fan', function(K, a)
        if P.fenced(K, 'hooks', a[1]) then
            return P.err('FENCED somebody newer does it')
        end
        if call('GET', K .. 'hookc') ~= a[2] then
            return P.err('CONFLICT the cursor moved')
        end
        local now = P.now()
        for i = 4, #a, 3 do
            if a[i + 2] == '' then
                forget(K, a[i], a[i + 1])
            else
                add(K, a[i], a[i + 1], a[i + 2], now)
            end
        end
        call('SET', K .. 'hookc', a[3])
        return redis.status_reply('OK')
    end)

    -- w limit: {stopped, ms until the next or -1, thread, tries, delivery, …} of those that are due
    P.reg_ro('hook_due', function(K, a)
        local state, due, tries = keys(K, a[1])
        local now, out = P.now(), {call('HGET', state, 'off') or '', -1}
        for _, thread in ipairs(call('ZRANGEBYSCORE', due, '-inf', int(now), 'LIMIT', 0, a[2])) do
            local n = #out
            out[n + 1], out[n + 2] = thread, call('HGET', tries, thread) or '0'
            out[n + 3] = call('LINDEX', queue(K, a[1], thread), 0) or ''
        end
        local next = call('ZRANGEBYSCORE', due, '(' .. int(now), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
        if next[2] then
            out[2] = int(next[2] - now)
        end
        return out
    end)

    -- The oldest of a thread leaves its queue, the next one's turn is now.
    local function pop(K, w, thread, now)
        local state, due, tries = keys(K, w)
        local q = queue(K, w, thread)
        call('LTRIM', q, 1, -1)
        call('HINCRBY', state, 'n', -1)
        call('HDEL', tries, thread)
        if call('EXISTS', q) == 1 then
            call('ZADD', due, int(now), thread)
        else
            call('ZREM', due, thread)
        end
    end

    -- fence w thread id what (ok, again, dead, drop, off) ms error: what became of the oldest of that thread.
    P.reg_full('hook_done', function(K, a)
        if P.fenced(K, 'hooks', a[1]) then
            return P.err('FENCED somebody newer does it')
        end
        local w, thread, what, now = a[2], a[3], a[5], P.now()
        local state, due, tries = keys(K, w)
        local item = call('LINDEX', queue(K, w, thread), 0)
        if what == 'ok' then
            call('HSET', state, 'ok', int(now))
            call('HDEL', state, 'fe')
        elseif what ~= 'drop' then
            call('HSETNX', state, 'fe', int(now))
            call('HSET', state, 'et', int(now), 'ec', a[7])
        end
        if what == 'off' then
            call('HSET', state, 'off', a[7])
            P.audit(K, 'system', 'webhook.stopped', 'webhook:' .. w, a[7])
        end
        if not item or string.match(item, '^%S+') ~= a[4] then
            return redis.status_reply('OK') -- it was forgotten meanwhile
        end
        if what == 'ok' or what == 'drop' then
            pop(K, w, thread, now)
        elseif what == 'dead' then
            local n = (tonumber(call('HGET', tries, thread)) or 0) + 1
            pop(K, w, thread, now)
            die(K, w, thread, item, now, n, a[7])
        else
            call('HINCRBY', tries, thread, 1)
            call('ZADD', due, int(now + tonumber(a[6])), thread)
        end
        return redis.status_reply('OK')
    end)

    -- w: {n, dead, lost, ok, fe, et, ec, off}
    P.reg_ro('hook_state', function(K, a)
        local state, _, _, _, order = keys(K, a[1])
        local v = P.fields(state, 'n', 'lost', 'ok', 'fe', 'et', 'ec', 'off')
        return {v.n, call('ZCARD', order), v.lost, v.ok, v.fe, v.et, v.ec, v.off}
    end)

    -- w before ('' the newest) limit: {number, what is dead, …}, newest first
    P.reg_ro('hook_dead', function(K, a)
        local _, _, _, dead, order = keys(K, a[1])
        local to, out = a[2] ~= '' and '(' .. a[2] or '+inf', {}
        local ids = call('ZREVRANGEBYSCORE', order, to, '-inf', 'WITHSCORES', 'LIMIT', 0, a[3])
        for i = 1, #ids, 2 do
            out[#out + 1] = int(ids[i + 1])
            out[#out + 1] = call('HGET', dead, ids[i]) or ''
        end
        return out
    end)

    -- w actor from to (ms; '' all) ids…: how many wait again, behind what waits of their threads. At most a thousand a call.
    P.reg('hook_redeliver', function(K, a)
        local w, now, n = a[1], P.now(), 0
        local state, due, _, dead, order = keys(K, w)
        local ids = {unpack(a, 5)}
        if #ids == 0 then
            ids = call('ZRANGEBYSCORE', order, a[3] == '' and '-inf' or int(a[3] * 1000), a[4] == '' and '+inf' or int(a[4] * 1000 + 999),
                'LIMIT', 0, 1000)
        end
        for _, id in ipairs(ids) do
            local v = call('HGET', dead, id)
            if v then
                local thread = string.sub(v, 1, 8)
                local rest = string.match(v, '^%S+ %S+ %S+ %S+ %S+ (.*)$', 9)
                call('RPUSH', queue(K, w, thread), id .. ' ' .. int(now) .. ' ' .. rest)
                call('ZADD', due, 'NX', int(now), thread)
                call('HINCRBY', state, 'n', 1)
                call('HDEL', dead, id)
                call('ZREM', order, id)
                n = n + 1
            end
        end
        if n > 0 then
            P.audit(K, a[2], 'webhook.redeliver', 'webhook:' .. w, int(n))
        end
        return n
    end)

    -- w actor: goes on, at once
    P.reg('hook_resume', function(K, a)
        local state, due = keys(K, a[1])
        local now = int(P.now())
        call('HDEL', state, 'off')
        for _, thread in ipairs(call('ZRANGE', due, 0, 999)) do
            call('ZADD', due, now, thread)
        end
        P.audit(K, a[2], 'webhook.resume', 'webhook:' .. a[1], '')
        return redis.status_reply('OK')
    end)
end
