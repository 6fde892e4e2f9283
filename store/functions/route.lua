-- SPDX-License-Identifier: Apache-2.0
-- The moves of router, agents and supervisors. Each checks what its caller believes and refuses with CONFLICT otherwise.
do
    local int = P.int

    -- Who gets a thread must exist, be allowed to work and to see it.
    local function fit(K, t, agent)
        local a = P.fields(K .. 'agent:' .. agent, 'ds', 'cl', 'ps', 'cp')
        if a.ds == '' then
            return nil, P.err('NOT_FOUND no such agent')
        elseif a.ds == '1' then
            return nil, P.err('CONFLICT the agent is disabled')
        elseif (tonumber(a.cl) or 0) < t.cl then
            return nil, P.err('FORBIDDEN the agent may not see it')
        end
        return a
    end

    local function find(K, id)
        local t = P.thread(K, id)
        if not t then
            return nil, P.err('NOT_FOUND no such thread')
        end
        return t
    end

    -- fence thread version agent ms
    P.reg('offer', function(K, a)
        if P.fenced(K, 'router', a[1]) then
            return P.err('FENCED')
        end
        local t, e = find(K, a[2])
        if not t then
            return e
        elseif t.st ~= P.WAITING or t.v ~= tonumber(a[3]) then
            return P.err('CONFLICT it has changed')
        end
        local agent = a[4]
        local g, e2 = fit(K, t, agent)
        if not g then
            return e2
        elseif g.ps ~= '1' then
            return P.err('CONFLICT the agent is not there')
        elseif call('SCARD', K .. 'held:' .. agent) >= (tonumber(g.cp) or 0) then
            return P.err('CONFLICT the agent has enough')
        end
        local now = P.now()
        P.move(K, t, P.OFFERED, {now = now, actor = 'router', why = 'offered', agent = agent, at = int(now + a[5])})
        return redis.status_reply('OK')
    end)

    -- Who had the thread offered and does not take it: "agent", or "agent:when" when they said so.
    local function declined(t, now)
        local list = {}
        for word in string.gmatch(t.dc, '%S+') do
            if string.match(word, '^[^:]+') ~= t.as then
                list[#list + 1] = word
            end
        end
        list[#list + 1] = now and t.as .. ':' .. int(now) or t.as
        return {'dc', table.concat(list, ' ')}
    end

    -- fence count: the offers whose time is over, so many per call, since a function holds everybody up; how many there were.
    P.reg_full('offers_expire', function(K, a)
        if P.fenced(K, 'router', a[1]) then
            return P.err('FENCED')
        end
        local now = P.now()
        local due = call('ZRANGEBYSCORE', K .. 'offers', '-inf', int(now), 'LIMIT', 0, a[2])
        for _, id in ipairs(due) do
            local t = P.thread(K, id)
            P.move(K, t, P.WAITING, {now = now, actor = 'system', why = 'expired', a = t.as, set = declined(t), detail = t.as})
        end
        return #due
    end)

    -- id since count: a page of what waits, longest first, as {id, hash}. The first two are those of the last that was told ('' at the
    -- beginning): others leave meanwhile, so that a place in the queue says nothing.
    P.reg_ro('waiting_page', function(K, a)
        local out, from, key = {}, 0, K .. 'waiting'
        if a[1] ~= '' then
            local at = call('ZRANK', key, a[1])
            from = at and at + 1 or call('ZCOUNT', key, '-inf', '(' .. a[2])
        end
        for _, id in ipairs(call('ZRANGE', key, from, from + a[3] - 1)) do
            out[#out + 1] = {id, P.answer(K, id)}
        end
        return out
    end)

    P.reg('nobody_once', function(K, a)
        local st = call('HGET', K .. 'thread:' .. a[1], 'st')
        if not st then
            return P.err('NOT_FOUND no such thread')
        elseif st ~= tostring(P.WAITING) then
            return 0
        end
        return call('HSETNX', K .. 'thread:' .. a[1], 'nb', 1)
    end)

    local function mine(t, agent)
        return t.st == P.OFFERED and t.as == agent
    end

    -- thread agent
    P.reg_full('accept', function(K, a)
        local t, e = find(K, a[1])
        if not t then
            return e
        elseif t.st == P.ASSIGNED and t.as == a[2] then
            return P.answer(K, t.id) -- the same again
        elseif not mine(t, a[2]) then
            return P.err('CONFLICT it is not offered to the agent')
        end
        P.move(K, t, P.ASSIGNED, {now = P.now(), actor = a[2], why = 'accepted', agent = a[2]})
        return P.answer(K, t.id)
    end)

    -- thread agent reason
    P.reg_full('decline', function(K, a)
        local t, e = find(K, a[1])
        if not t then
            return e
        elseif not mine(t, a[2]) then
            return P.err('CONFLICT it is not offered to the agent')
        end
        local now = P.now()
        P.move(K, t, P.WAITING, {now = now, actor = a[2], why = 'declined', a = a[2], b = a[3], set = declined(t, now), detail = a[3]})
        return P.answer(K, t.id)
    end)

    -- thread version agent actor
    P.reg('assign', function(K, a)
        local t, e = find(K, a[1])
        if not t then
            return e
        elseif a[2] ~= '0' and t.v ~= tonumber(a[2]) then
            return P.err('CONFLICT it has changed')
        elseif t.st == P.RESOLVED then
            return P.err('CONFLICT it is resolved')
        elseif t.st == P.ASSIGNED and t.as == a[3] then
            return P.answer(K, t.id)
        end
        local g, e2 = fit(K, t, a[3])
        if not g then
            return e2
        end
        P.move(K, t, P.ASSIGNED, {now = P.now(), actor = a[4], why = 'assigned', agent = a[3]})
        return P.answer(K, t.id)
    end)

    -- thread actor agent clearance n field value… : agent '' puts it into the queue.
    P.reg_full('transfer', function(K, a)
        local t, e = find(K, a[1])
        if not t then
            return e
        elseif t.st == P.RESOLVED then
            return P.err('CONFLICT it is resolved')
        end
        local now, actor, agent, cl = P.now(), a[2], a[3], tonumber(a[4])
        local set = {'dc', '', 'nb', ''}
        if agent == '' then -- who gave it away is no longer the one who had it last: neither preferred nor let see it again
            set[5], set[6] = 'la', ''
        end
        for i = 5, #a do
            set[#set + 1] = a[i]
        end
        local raised = cl > t.cl
        if cl >= 0 and cl < t.cl then
            return P.err('FORBIDDEN a clearance is only raised')
        elseif raised and P.seal_conflict and P.seal_conflict(K, t, cl) then
            return P.err('CONFLICT the person has an open thread at that clearance')
        end
        local from = t.cl
        t.cl = math.max(t.cl, cl)
        if agent ~= '' then -- before anything is written: a function that refuses must have done nothing
            local g, e2 = fit(K, t, agent)
            if not g then
                return e2
            end
        end
        if raised then
            if P.on_raised then
                P.on_raised(K, t, from, cl)
            end
            set[#set + 1], set[#set + 2] = 'cl', cl
            call('ZADD', K .. 'reseal', int(now), t.id)
        end
        P.move(K, t, agent ~= '' and P.ASSIGNED or P.WAITING,
            {now = now, actor = actor, why = 'transferred', agent = agent, b = raised and 'sealed' or '', set = set, detail = agent})
        return P.answer(K, t.id)
    end)

    -- An error, or nil: it is resolved, with an outcome and, where no answer arrived, a reason.
    function P.resolve(K, t, m)
        local outcome = m.outcome ~= '' and m.outcome or m.reason or ''
        local set = {'oc', outcome}
        if t.as == '' or t.st == P.OFFERED then -- nobody held it: who had it, or an earlier one, before must not be let see it
            set[3], set[4] = 'la', ''
        end
        local moved, e = P.move(K, t, P.RESOLVED, {now = m.now, actor = m.actor, why = 'resolved', set = set, a = outcome, b = m.reason,
            detail = outcome .. ' ' .. (m.reason or ''), reason = m.reason, approver = m.approver, outcome = outcome})
        return not moved and e or nil
    end

    -- thread actor outcome reason ('' none): what a focal point has to approve waits for that, and the thread stays as it is.
    P.reg_full('resolve', function(K, a)
        local t, e = find(K, a[1])
        if not t then
            return e
        elseif t.st == P.RESOLVED then
            return P.err('CONFLICT it is resolved')
        end
        local now, reason = P.now(), (a[4] or '') ~= '' and a[4] or nil
        local r = reason and P.reasons[reason]
        if reason and (not r or r.own) then
            return P.err('INVALID there is no such reason')
        elseif r and r.focal then
            local _, lacks = P.guard_look(K, t, {now = now, actor = a[2], reason = reason})
            if #lacks > 1 or lacks[1] ~= 'approval' then
                return P.err('GUARDED ' .. table.concat(lacks, ' '))
            end
            P.propose(K, t, now, a[2], reason, a[3])
            return P.answer(K, t.id)
        end
        return P.resolve(K, t, {now = now, actor = a[2], outcome = a[3], reason = reason}) or P.answer(K, t.id)
    end)

    -- thread actor
    P.reg('reopen', function(K, a)
        local t, e = find(K, a[1])
        if not t then
            return e
        elseif t.st ~= P.RESOLVED then
            return P.err('CONFLICT it is not resolved')
        elseif P.on_reopened and not P.on_reopened(K, t, P.now()) then
            return P.err('CONFLICT the person has another open thread')
        end
        P.thread_wakes(K, t.id, P.now(), a[2])
        return P.answer(K, t.id)
    end)

    -- thread actor until
    P.reg('snooze', function(K, a)
        local t, e = find(K, a[1])
        if not t then
            return e
        end
        local now = P.now()
        if t.st == P.RESOLVED then
            return P.err('CONFLICT it is resolved')
        elseif tonumber(a[3]) <= now then
            return P.err('INVALID the time is over already')
        end
        local agent = (t.st == P.ASSIGNED or t.st == P.SNOOZED) and t.as or ''
        P.move(K, t, P.SNOOZED, {now = now, actor = a[2], why = 'snoozed', agent = agent, at = a[3], a = a[3], detail = a[3]})
        return P.answer(K, t.id)
    end)

    -- thread actor add remove
    P.reg('tag', function(K, a)
        local t, e = find(K, a[1])
        if not t then
            return e
        end
        local was = call('HGET', K .. 'thread:' .. t.id, 'tg') or ''
        local has, list = {}, {}
        for w in string.gmatch(was .. ' ' .. a[3], '%S+') do
            has[w] = true
        end
        for w in string.gmatch(a[4], '%S+') do
            has[w] = nil
        end
        for w in pairs(has) do
            list[#list + 1] = w
        end
        if #list > 20 then
            return P.err('TOO_LARGE at most 20 tags')
        end
        table.sort(list)
        local tags = table.concat(list, ' ')
        if tags ~= was then
            P.change(K, t, {now = P.now(), actor = a[2], why = 'tag', set = {'tg', tags}, detail = '+' .. a[3] .. ' -' .. a[4]})
        end
        return P.answer(K, t.id)
    end)

    -- thread actor tag script how topic priority; '-' leaves as it is
    P.reg('patch', function(K, a)
        local t, e = find(K, a[1])
        if not t then
            return e
        end
        local now = P.now()
        if a[3] ~= '-' then
            if tonumber(t.lh ~= '' and t.lh or 0) > tonumber(a[5]) then
                return P.err('CONFLICT the person stated the language')
            end
            P.change(K, t, {now = now, actor = a[2], why = 'language', a = a[3], set = {'lt', a[3], 'ls', a[4], 'lh', a[5]}})
        end
        if a[6] ~= '-' then
            P.change(K, t, {now = now, actor = a[2], why = 'topic', a = a[6], set = {'tp', a[6]}})
        end
        if a[7] ~= '-' then
            P.change(K, t, {now = now, actor = a[2], why = 'priority', a = a[7], set = {'pr', a[7]}})
        end
        return P.answer(K, t.id)
    end)

    -- thread agent seq: a mark of the assignee's; others' reading leaves no trace here.
    P.reg_full('read', function(K, a)
        local t, e = find(K, a[1])
        if not t then
            return e
        end
        local r = P.fields(K .. 'thread:' .. t.id, 'n', 'rd')
        local seq = math.min(tonumber(a[3]), tonumber(r.n) or 0)
        if t.as == a[2] and t.st == P.ASSIGNED and seq > (tonumber(r.rd) or 0) then
            call('HSET', K .. 'thread:' .. t.id, 'rd', int(seq), 'v', int(t.v + 1))
            t.v = t.v + 1
            P.thread_event(K, P.now(), t, 'read', a[2], t.as, seq)
        end
        return redis.status_reply('OK')
    end)
end
