-- SPDX-License-Identifier: Apache-2.0
-- Every change of a thread's state goes through P.move, which keeps together what belongs together: the thread's hash and version,
-- `waiting`, `offers`, `snoozed`, the agent's `held` set (its size is the agent's load), an EVENT entry, an event, an audit line.
do
    local int = P.int

    -- The fields that moves need; nil when there is no such thread.
    function P.thread(K, id)
        local t = P.fields(K .. 'thread:' .. id, 'c', 'st', 'as', 'wt', 'v', 'cl', 'ar', 'ch', 'dc', 'la', 'tm', 'lh', 'ox', 'tp')
        if t.v == '' then
            return nil
        end
        t.id, t.st, t.v, t.cl = id, tonumber(t.st) or 0, tonumber(t.v), tonumber(t.cl) or 0
        return t
    end

    local function holds(state)
        return state == P.OFFERED or state == P.ASSIGNED
    end

    -- Puts an EVENT entry behind the thread's last. Its value is clear, since it holds only ids and codes: a NUL (ciphertexts start
    -- with their version) and time, code, actor, two parameters, with blanks between. Its id is made from thread and number.
    function P.event_entry(K, id, now, code, actor, a, b)
        local seq = call('HINCRBY', K .. 'thread:' .. id, 'n', 1)
        local function word(w)
            return (w == nil or w == '') and '-' or w
        end
        call('HSET', K .. 'log:' .. id, int(seq),
            '\0' .. int(now) .. ' ' .. code .. ' ' .. word(actor) .. ' ' .. word(a) .. ' ' .. word(b))
        return seq
    end

    -- An event about the thread; `agent` is the assignee now, `before` the one until now.
    function P.thread_event(K, now, t, why, actor, before, seq)
        P.event(K, now, P.EV_THREAD, {'t', t.id, 'c', t.c, 'q', int(seq or 0), 'w', why, 'a', t.as, 'b', before or t.as, 'x', actor,
            'st', t.st, 'cl', t.cl, 'ar', t.ar, 'h', t.ch})
    end

    local function load_changed(K, now, agent)
        call('HSET', K .. 'agent:' .. agent, 'il', int(now))
        P.event(K, now, P.EV_AGENT, {'a', agent, 'w', 'load', 'q', int(call('SCARD', K .. 'held:' .. agent))})
    end

    -- asleep:<agent> holds what sleeps and goes back to the agent: with held: it is what is theirs.
    function P.sleeps(K, id, agent, at)
        call('ZADD', K .. 'snoozed', at, id)
        if agent ~= '' then
            call('SADD', K .. 'asleep:' .. agent, id)
        end
    end

    -- Keeps the sets that follow from state and assignee.
    local function reindex(K, t, to, agent, now, at)
        local id = t.id
        if holds(t.st) and t.as ~= '' and not (holds(to) and agent == t.as) then
            call('SREM', K .. 'held:' .. t.as, id)
            load_changed(K, now, t.as)
        end
        if holds(to) and not (holds(t.st) and agent == t.as) then
            call('SADD', K .. 'held:' .. agent, id)
            load_changed(K, now, agent)
        end
        if t.st == P.WAITING and to ~= P.WAITING then
            call('ZREM', K .. 'waiting', id)
        elseif to == P.WAITING then
            call('ZADD', K .. 'waiting', t.wt, id)
        end
        if t.st == P.OFFERED then
            call('ZREM', K .. 'offers', id)
        elseif t.st == P.SNOOZED then
            call('ZREM', K .. 'snoozed', id)
            call('SREM', K .. 'asleep:' .. t.as, id)
        end
        if to == P.OFFERED then
            call('ZADD', K .. 'offers', at, id)
        elseif to == P.SNOOZED then
            P.sleeps(K, id, agent, at)
        end
    end

    local gone = { -- what a state must not have
        [P.BOT] = {'wt', 'ox', 'sn', 'rs', 'oc', 'rn', 'ev', 'ap', 'dc', 'nb'},
        [P.WAITING] = {'ox', 'sn', 'rs', 'oc', 'rn', 'ev', 'ap'},
        [P.OFFERED] = {'sn', 'rs', 'oc', 'rn', 'ev', 'ap'},
        [P.ASSIGNED] = {'wt', 'ox', 'sn', 'rs', 'oc', 'rn', 'ev', 'ap', 'dc', 'nb'},
        [P.SNOOZED] = {'wt', 'ox', 'rs', 'oc', 'rn', 'ev', 'ap', 'dc', 'nb'},
        [P.RESOLVED] = {'wt', 'ox', 'sn', 'dc', 'nb', 'pe', 'at'}
    }

    -- Moves thread t to state `to`. m: now, actor, why (the event), agent (the assignee from now on, ''), at (when an offer or a snooze
    -- ends), set (further fields of the hash), a and b (the entry's parameters). In a waiting thread t.wt says since when; it
    -- stays over an offer, so that what comes back is where it was. Changes t to what is stored. To RESOLVED with m.reason, or with an answer
    -- that arrived: nil and an error, and nothing is written, when the guard (guard.lua) finds something lacking.
    function P.move(K, t, to, m)
        local now, before, key = m.now, t.as, K .. 'thread:' .. t.id
        local agent, known = m.agent or '', nil
        if to == P.RESOLVED then
            local e
            e, known = P.guard(K, t, m)
            if e then
                return nil, e
            end
            call('ZREM', K .. 'ends', t.id)
        end
        if t.st == P.RESOLVED then
            before = t.la -- nobody holds it; who did until then still has it before them
        end
        if to == P.WAITING and (t.wt == '' or (t.st ~= P.WAITING and t.st ~= P.OFFERED)) then
            t.wt = int(now)
        end
        if t.st == P.BOT and not m.run then
            P.bot_ends(K, t, now, m.actor)
        end
        reindex(K, t, to, agent, now, m.at)
        call('HDEL', key, unpack(gone[to]))
        local set = {'st', to, 'as', agent, 'v', int(t.v + 1)}
        if to == P.WAITING then
            set[7], set[8] = 'wt', t.wt
        elseif to == P.ASSIGNED then
            set[7], set[8] = 'la', agent
        elseif to == P.OFFERED then
            set[7], set[8] = 'ox', m.at
        elseif to == P.SNOOZED then
            set[7], set[8] = 'sn', m.at
        else
            set[7], set[8] = 'rs', int(now)
        end
        for _, x in ipairs(m.set or {}) do
            set[#set + 1] = x
        end
        for _, x in ipairs(known or {}) do
            set[#set + 1] = x
        end
        call('HSET', key, unpack(set))
        t.st, t.as, t.v = to, agent, t.v + 1
        local seq = P.event_entry(K, t.id, now, m.why, m.actor, m.a or agent, m.b)
        P.thread_event(K, now, t, m.why, m.actor, before, seq)
        P.audit(K, m.actor, 'thread.' .. m.why, 'thread:' .. P.hex(t.id), m.detail or agent, t.cl)
        if m.ends then
            P.matter_ends_with(K, t, now, m)
        end
        return t
    end

    -- A change that leaves state and assignee: fields, version, entry, event, audit.
    function P.change(K, t, m)
        call('HSET', K .. 'thread:' .. t.id, 'v', int(t.v + 1), unpack(m.set))
        t.v = t.v + 1
        local seq = P.event_entry(K, t.id, m.now, m.why, m.actor, m.a, m.b)
        P.thread_event(K, m.now, t, m.why, m.actor, t.as, seq)
        P.audit(K, m.actor, 'thread.' .. m.why, 'thread:' .. P.hex(t.id), m.detail or m.a, t.cl)
    end

    -- For ingest: a new thread (its hash is written, in state waiting) enters the queue.
    function P.thread_waits(K, id, now)
        call('HSET', K .. 'thread:' .. id, 'st', P.WAITING, 'wt', int(now))
        call('ZADD', K .. 'waiting', int(now), id)
    end

    -- The thread as all moves answer with it.
    function P.answer(K, id)
        return call('HGETALL', K .. 'thread:' .. id)
    end

    -- Somebody wrote, or the time is over, while the thread sleeps or was resolved: back to who snoozed it, or into the queue.
    function P.thread_wakes(K, id, now, actor)
        local t = P.thread(K, id)
        if not t or (t.st ~= P.SNOOZED and t.st ~= P.RESOLVED) then
            return false
        end
        local agent = t.as
        if t.st == P.SNOOZED and agent ~= '' then
            local a = P.fields(K .. 'agent:' .. agent, 'ps', 'ds')
            if a.ds ~= '1' and a.ps == tostring(P.ONLINE) then
                P.move(K, t, P.ASSIGNED, {now = now, actor = actor, why = 'assigned', agent = agent})
                return true
            end
        end
        P.move(K, t, P.WAITING, {now = now, actor = actor, why = 'reopened'})
        return true
    end
end
