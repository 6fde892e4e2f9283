-- SPDX-License-Identifier: Apache-2.0
-- The guard: a thread is resolved when an answer has reached the person after their last words, or for a recorded reason. P.move asks
-- it, so that nothing that resolves gets round it: pages, programs, imports, timers, administrators.
-- guard hash: v version of the document it was made from, hours (after which what was sent without failure is presumed to have
-- arrived), tries and days (what "unreachable" needs), pack (an end needs a code), tells:<channel> (it says when something arrived).
-- In a thread: rn reason, ev how it is known (read, delivered, presumed, reason), ap who approved; pe an end that waits for a focal
-- point: reason, outcome, who, when, number of the person's last entry; at logged tries to reach them: time, channel, code.
do
    local int = P.int
    local MESSAGE, EDIT, DELETION, CALL = 0, 1, 2, 5 -- enum store_kind
    local AGENT, ROBOT = 1, 2 -- enum store_author
    local STORED, SENT, DELIVERED, READ = 0, 1, 2, 3 -- enum store_status
    local LOOK, PAGE = 2000, 100
    local TRIES_KEPT = 20

    -- focal: one who did not ask for it approves. tries: only after so many. free: needs no code. own: no call may give it.
    local reasons = {
        answered_in_person = {}, nothing_to_answer = {}, duplicate = {free = true}, spam = {free = true}, unreachable = {tries = true},
        wants_no_answer = {focal = true}, contact_unsafe = {focal = true}, erased = {own = true, free = true}
    }
    P.reasons = reasons

    function P.guard_settings(K)
        local g = P.fields(K .. 'guard', 'hours', 'tries', 'days', 'pack')
        return {ms = (tonumber(g.hours) or 24) * 3600000, tries = tonumber(g.tries) or 3, days = tonumber(g.days) or 2, pack = g.pack == '1'}
    end

    local function tells(K, channel)
        return call('HEXISTS', K .. 'guard', 'tells:' .. channel) == 1
    end

    -- A channel that once said that something arrived is one that does.
    function P.guard_told(K, channel)
        call('HSETNX', K .. 'guard', 'tells:' .. channel, 1)
    end

    local function entry(v)
        local time, kind, flags, channel = P.log_head(v)
        if not time then
            return nil -- a move
        end
        local e = {time = time, kind = kind % 8, inbound = math.floor(kind / 8) % 2 == 1, author = math.floor(kind / 16), channel = channel}
        if flags % 8 >= 4 then
            local at = 11 + #channel
            at = at + 1 + byte(v, at)
            e.target = sub(v, at, at + 11)
        end
        return e
    end

    -- Calls fn(number, entry, status) from the newest entry back, until it says true.
    local function back(K, t, fn)
        local n = tonumber(call('HGET', K .. 'thread:' .. t.id, 'n')) or 0
        for top = n, math.max(1, n - LOOK + 1), -PAGE do
            local fields = {}
            for seq = top, math.max(1, top - PAGE + 1), -1 do
                fields[#fields + 1], fields[#fields + 2] = int(seq), 's' .. int(seq)
            end
            local v = call('HMGET', K .. 'log:' .. t.id, unpack(fields))
            for i = 1, #v, 2 do
                local e = v[i] and entry(v[i])
                if e and fn(top - (i - 1) / 2, e, v[i + 1] and P.status_read(v[i + 1])) then
                    return
                end
            end
        end
    end

    -- How it is known that an answer reached them, or nil, what is lacking and when it would be presumed.
    local function reached(K, g, e, s, now)
        if s.status == READ then
            return 'read'
        elseif s.status == DELIVERED then
            return 'delivered'
        elseif s.status == STORED then
            return nil, 'answer_pending'
        elseif s.status ~= SENT then
            return nil, 'answer_failed'
        elseif tells(K, e.channel) then
            return nil, 'answer_undelivered'
        end
        local due = (s.sent > 0 and s.sent * 1000 or e.time) + g.ms
        if due <= now then
            return 'presumed'
        end
        return nil, 'answer_not_presumed_yet', due
    end

    -- What the bot says is an answer where it never handed over: a prompt, or that a person will come, answers nobody.
    local function is_answer(t, e)
        return e.kind == MESSAGE and not e.inbound and (e.author == AGENT or (e.author == ROBOT and t.st == P.BOT))
    end

    local function persons_words(e)
        return e.inbound and (e.kind == MESSAGE or e.kind == EDIT or e.kind == CALL)
    end

    -- The newest answer that was not taken back: after the person's last words, or after entry number `since`; `only`: this one. How it is
    -- known, else nil and what is lacking.
    function P.answer_known(K, t, now, since, only)
        local g, gone, known, lack, due, at = P.guard_settings(K), {}, nil, 'answer_none', nil, nil
        back(K, t, function(seq, e, s)
            if (since and seq <= since) or (not since and not only and persons_words(e)) then
                return true
            elseif e.kind == DELETION and not e.inbound and e.target and not (s and s.status > READ) then
                gone[e.target] = true
            elseif s and is_answer(t, e) and (not only or seq == only) and not gone[pack('>c8I4', t.id, seq)] then
                known, lack, due = reached(K, g, e, s, now)
                at = seq
                return true
            end
            return only and seq <= only
        end)
        return known, lack, due, at
    end

    -- ---- those who cannot be reached ----

    local function listed(list, channel)
        for word in string.gmatch(list, '%S+') do
            if word == '*' or word == channel then
                return true
            end
        end
        return false
    end

    -- un of a contact: how it is not safe to reach them: channels, or "*" for none is. It holds for all contacts of the person.
    function P.unsafe_words(K, contacts)
        local all = {}
        for _, c in ipairs(contacts) do
            all[#all + 1] = call('HGET', K .. 'contact:' .. c, 'un') or nil
        end
        return table.concat(all, ' ')
    end

    function P.unsafe(K, contact, channel)
        return listed(P.unsafe_words(K, P.person(K, contact)), channel)
    end

    -- Tries since the person's last words, and on how many days: messages that are not known to have arrived, and logged ones.
    function P.tries(K, t)
        local n, days, many, since = 0, {}, 0, 0
        local function one(time)
            local day = math.floor(time / P.DAY_MS)
            n, many, days[day] = n + 1, many + (days[day] and 0 or 1), true
        end
        back(K, t, function(_, e, s)
            if persons_words(e) then
                since = e.time
                return true
            elseif s and is_answer(t, e) and s.status ~= DELIVERED and s.status ~= READ and s.status ~= STORED then
                one(e.time)
            end
        end)
        for time in string.gmatch(call('HGET', K .. 'thread:' .. t.id, 'at') or '', '(%d+):%S+') do
            if tonumber(time) >= since then
                one(tonumber(time))
            end
        end
        return n, many
    end

    -- ---- what an end lacks ----

    function P.is_focal(K, agent, clearance)
        local a = P.fields(K .. 'agent:' .. agent, 'ds', 'cl', 'ro')
        return a.ds ~= '' and a.ds ~= '1' and (tonumber(a.cl) or 0) >= clearance and string.find(' ' .. a.ro .. ' ', ' focal ', 1, true) ~= nil
    end

    local function proposal(K, t)
        local pe = call('HGET', K .. 'thread:' .. t.id, 'pe')
        if not pe then
            return nil
        end
        local p = {}
        p.reason, p.outcome, p.by, p.time, p.li = string.match(pe, '^(%S+) (%S+) (%S+) (%d+) (%d+)$')
        return p
    end

    -- A focal point, who is not the one that asked for it, and the person has not written since.
    local function approved(K, t, m)
        local p = m.approver and proposal(K, t)
        return p and p.reason == m.reason and p.by ~= m.approver and P.is_focal(K, m.approver, t.cl)
            and p.li == (call('HGET', K .. 'thread:' .. t.id, 'li') or '0')
    end

    -- What is lacking for a reason, added to a list.
    function P.reason_lacks(K, t, reason, is_approved, lacks)
        local r = reasons[reason]
        if not r then
            lacks[#lacks + 1] = 'reason_unknown'
        elseif r.focal and not is_approved then
            lacks[#lacks + 1] = 'approval'
        elseif r.tries then
            local g, n, days = P.guard_settings(K), P.tries(K, t)
            if n < g.tries or days < g.days then
                lacks[#lacks + 1] = 'tries'
            end
        end
    end

    -- How the end is known and what it lacks: codes, and when an answer would be presumed to have arrived.
    function P.guard_look(K, t, m)
        local lacks, known, due, lack = {}, nil, nil, nil
        local r = m.reason and m.reason ~= '' and (reasons[m.reason] or {}) or nil
        if r then
            known = 'reason'
            P.reason_lacks(K, t, m.reason, approved(K, t, m), lacks)
        else
            known, lack, due = P.answer_known(K, t, m.now)
            lacks[1] = lack
        end
        if P.matters_lack and not (r and r.own) then
            P.matters_lack(K, t, m, r, lacks)
        end
        return known, lacks, due
    end

    -- For P.move: an error when the thread may not be resolved; else what is written with it.
    function P.guard(K, t, m)
        local known, lacks = P.guard_look(K, t, m)
        if #lacks > 0 then
            return P.err('GUARDED ' .. table.concat(lacks, ' '))
        end
        local set = {'ev', known}
        if known == 'reason' then
            set[3], set[4] = 'rn', m.reason
            if m.approver then
                set[5], set[6] = 'ap', m.approver
            end
        end
        return nil, set
    end

    -- ---- doors ----

    -- version hours tries days pack channel…: what follows from the operation's document; an older node does not take it back.
    P.reg_full('guard_put', function(K, a)
        local key = K .. 'guard'
        if (tonumber(call('HGET', key, 'v')) or -1) > tonumber(a[1]) then
            return redis.status_reply('OK')
        end
        call('HSET', key, 'v', a[1], 'hours', a[2], 'tries', a[3], 'days', a[4], 'pack', a[5])
        for i = 6, #a do
            call('HSET', key, 'tells:' .. a[i], 1)
        end
        return redis.status_reply('OK')
    end)

    -- thread reason: {known or '', due or 0, tries, days, tries needed, days needed, proposal, unsafe, lacks…}
    P.reg_ro('guard_look', function(K, a)
        local t = P.thread(K, a[1])
        if not t then
            return P.err('NOT_FOUND no such thread')
        end
        local known, lacks, due = P.guard_look(K, t, {now = P.now(), reason = a[2] ~= '' and a[2] or nil})
        local n, days = P.tries(K, t)
        local g = P.guard_settings(K)
        return {known or '', due and int(due) or 0, n, days, g.tries, g.days, call('HGET', K .. 'thread:' .. t.id, 'pe') or '',
            call('HGET', K .. 'contact:' .. t.c, 'un') or '', unpack(lacks)}
    end)

    -- thread actor channel code: somebody tried to reach the person and could not.
    P.reg('guard_try', function(K, a)
        local t = P.thread(K, a[1])
        if not t then
            return P.err('NOT_FOUND no such thread')
        elseif P.unsafe(K, t.c, a[3]) then
            return P.err('FORBIDDEN it is not safe to reach the person this way')
        elseif t.st == P.RESOLVED then
            return P.err('CONFLICT it is resolved')
        end
        local now, list = P.now(), {}
        for word in string.gmatch(call('HGET', K .. 'thread:' .. t.id, 'at') or '', '%S+') do
            list[#list + 1] = word
        end
        list[#list + 1] = int(now) .. ':' .. a[3] .. ':' .. a[4]
        P.change(K, t, {now = now, actor = a[2], why = 'tried', a = a[3], b = a[4], detail = a[3] .. ' ' .. a[4],
            set = {'at', table.concat(list, ' ', math.max(1, #list - TRIES_KEPT + 1))}})
        return P.answer(K, t.id)
    end)

    -- thread actor reason outcome ('-' none): asks a focal point for it.
    function P.propose(K, t, now, actor, reason, outcome)
        local set = {'pe', reason .. ' ' .. (outcome ~= '' and outcome or '-') .. ' ' .. actor .. ' ' .. int(now) .. ' '
            .. (call('HGET', K .. 'thread:' .. t.id, 'li') or '0')}
        call('ZADD', K .. 'ends', int(now), t.id)
        P.change(K, t, {now = now, actor = actor, why = 'end_asked', a = reason, set = set})
    end

    -- thread actor yes: a focal point's word on an end that was asked for.
    P.reg_full('end_approve', function(K, a)
        local t = P.thread(K, a[1])
        local p = t and proposal(K, t)
        if not t then
            return P.err('NOT_FOUND no such thread')
        elseif not p or t.st == P.RESOLVED then
            return P.err('CONFLICT nothing waits for approval')
        elseif not P.is_focal(K, a[2], t.cl) then
            return P.err('FORBIDDEN a focal point approves')
        elseif a[3] ~= '1' then
            call('HDEL', K .. 'thread:' .. t.id, 'pe')
            call('ZREM', K .. 'ends', t.id)
            P.change(K, t, {now = P.now(), actor = a[2], why = 'end_refused', a = p.reason, set = {}})
            return P.answer(K, t.id)
        elseif p.by == a[2] then
            return P.err('FORBIDDEN somebody else than who asked for it approves')
        end
        local e = P.resolve(K, t, {now = P.now(), actor = a[2], outcome = p.outcome ~= '-' and p.outcome or '', reason = p.reason, approver = a[2]})
        return e or P.answer(K, t.id)
    end)

    -- most: threads whose end waits for a focal point, longest first
    P.reg_ro('ends', function(K, a)
        local out = {}
        for _, id in ipairs(call('ZRANGE', K .. 'ends', 0, a[1] - 1)) do
            out[#out + 1] = {id, P.answer(K, id)}
        end
        return out
    end)

    -- contact actor words: how it is not safe to reach them; '' nothing is.
    P.reg_full('contact_safety', function(K, a)
        local key = K .. 'contact:' .. a[1]
        if call('EXISTS', key) == 0 then
            return P.err('NOT_FOUND no such contact')
        elseif a[3] == '' then
            call('HDEL', key, 'un')
        else
            call('HSET', key, 'un', a[3])
        end
        P.event(K, P.now(), P.EV_CONTACT, {'c', a[1], 'w', 'safety', 'x', a[2]})
        P.audit(K, a[2], 'contact.safety', 'contact:' .. P.hex(a[1]), a[3])
        return redis.status_reply('OK')
    end)
end
