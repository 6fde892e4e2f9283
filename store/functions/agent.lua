-- SPDX-License-Identifier: Apache-2.0
-- Agents: their lasting record, presence by sockets, and what happens when they go.
-- agent:<id> hash: x (sealed name), tm ar tp lg ro cl cp ds (skills, rights, capacity), ps (presence), il (idle since).
-- held:<agent>: threads held or offered; sock:<agent>: socket → last beat; gone: agent → when it counts as offline.
do
    local int = P.int
    local SILENCE_MS, GRACE_MS = 45000, 15000

    local function queue_again(K, id, now, actor, why)
        local t = P.thread(K, id)
        P.move(K, t, P.WAITING, {now = now, actor = actor, why = why, a = t.as,
            set = t.st == P.OFFERED and {'dc', t.dc} or nil})
    end

    -- Gives back what is offered to the agent; `all`: what is held as well. most: at most so many. How many, and whether that was all.
    local function give_back(K, agent, now, actor, all, most)
        local n = 0
        for _, id in ipairs(call('SMEMBERS', K .. 'held:' .. agent)) do
            local offered = tonumber(call('HGET', K .. 'thread:' .. id, 'st')) == P.OFFERED
            if (offered or all) and most and n >= most then
                return n, false
            elseif offered or all then
                queue_again(K, id, now, actor, offered and 'expired' or 'transferred')
                n = n + 1
            end
        end
        return n, true
    end

    local function presence(K, agent, now, to)
        local key = K .. 'agent:' .. agent
        local was = call('HGET', key, 'ps') or '0'
        if was == tostring(to) then
            return
        end
        call('HSET', key, 'ps', to)
        if was == '0' then
            call('HSET', key, 'il', int(now))
        end
        P.event(K, now, P.EV_AGENT, {'a', agent, 'w', 'presence', 'st', to})
    end

    -- As much of it as `most` allows (nil: all): how many threads went back, and whether that was all.
    local function offline(K, agent, now, most)
        call('DEL', K .. 'sock:' .. agent)
        presence(K, agent, now, P.OFFLINE)
        local n, done = give_back(K, agent, now, 'system', false, most)
        if done then
            call('ZREM', K .. 'gone', agent)
        end
        return n, done
    end

    -- id actor disabled n field value… : creates or replaces the lasting part.
    P.reg('agent_put', function(K, a)
        local now, id, disabled = P.now(), a[1], a[3] == '1'
        local key, set = K .. 'agent:' .. id, {}
        for i = 4, #a do
            set[#set + 1] = a[i]
        end
        call('HSET', key, 'ds', a[3], unpack(set))
        if call('SADD', K .. 'agents', id) == 1 then
            call('HSET', key, 'ps', P.OFFLINE, 'il', int(now))
        end
        P.event(K, now, P.EV_AGENT, {'a', id, 'w', 'skills', 'x', a[2]})
        P.audit(K, a[2], 'agent.put', 'agent:' .. id, disabled and 'disabled' or '')
        if disabled then
            offline(K, id, now)
            give_back(K, id, now, a[2], true)
        end
        return redis.status_reply('OK')
    end)

    local function record(K, id)
        local h = call('HGETALL', K .. 'agent:' .. id)
        if #h > 0 then
            h[#h + 1], h[#h + 2] = 'load', int(call('SCARD', K .. 'held:' .. id))
        end
        return h
    end

    P.reg_ro('agent_get', function(K, a)
        local h = record(K, a[1])
        return #h > 0 and h or P.err('NOT_FOUND no such agent')
    end)

    -- cursor count: about so many of them, as {next cursor, {id, hash}…}; one may be told twice.
    P.reg_ro('agents_page', function(K, a)
        local got = call('SSCAN', K .. 'agents', a[1], 'COUNT', a[2])
        local page = {got[1]}
        for _, id in ipairs(got[2]) do
            page[#page + 1] = {id, record(K, id)}
        end
        return page
    end)

    -- agent socket presence
    P.reg_full('agent_beat', function(K, a)
        local now, agent = P.now(), a[1]
        local ds = call('HGET', K .. 'agent:' .. agent, 'ds')
        if not ds then
            return P.err('NOT_FOUND no such agent')
        elseif ds == '1' then
            return P.err('FORBIDDEN the agent is disabled')
        end
        local key = K .. 'sock:' .. agent
        call('ZADD', key, int(now), a[2])
        call('ZREMRANGEBYSCORE', key, '-inf', '(' .. int(now - SILENCE_MS))
        call('ZADD', K .. 'gone', int(now + SILENCE_MS), agent)
        presence(K, agent, now, tonumber(a[3]))
        return redis.status_reply('OK')
    end)

    -- agent socket: the last socket's end leaves some time for the page to come back.
    P.reg_full('agent_leave', function(K, a)
        local now, agent = P.now(), a[1]
        local key = K .. 'sock:' .. agent
        if call('ZREM', key, a[2]) == 0 then
            return redis.status_reply('OK')
        end
        local newest = call('ZRANGE', key, -1, -1, 'WITHSCORES')
        local due = newest[2] and tonumber(newest[2]) + SILENCE_MS or now + GRACE_MS
        call('ZADD', K .. 'gone', int(due), agent)
        return redis.status_reply('OK')
    end)

    -- fence most: agents whose time is over; what sleeps and is due. About so many threads are moved per call; 1 when there may be more.
    P.reg_full('agents_sweep', function(K, a)
        if P.fenced(K, 'router', a[1]) then
            return P.err('FENCED')
        end
        local now, most = P.now(), tonumber(a[2])
        local left = most
        for _, agent in ipairs(call('ZRANGEBYSCORE', K .. 'gone', '-inf', int(now), 'LIMIT', 0, most)) do
            local n, done = offline(K, agent, now, left)
            left = left - math.max(n, 1)
            if left <= 0 or not done then
                return 1
            end
        end
        local awake = call('ZRANGEBYSCORE', K .. 'snoozed', '-inf', int(now), 'LIMIT', 0, left)
        for _, id in ipairs(awake) do
            P.thread_wakes(K, id, now, 'system')
        end
        return #awake == left and 1 or 0
    end)
end
