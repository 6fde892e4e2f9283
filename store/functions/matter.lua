-- SPDX-License-Identifier: Apache-2.0
-- Matters: what a person came with, several in one thread, each coded, referred and ended by itself. Records (record.lua) of three kinds that
-- only this file writes. In clear stand codes and times alone, in their facets:
--   matter (group: the thread's id, which the thread has in mg): state open, asked (an end waits for a focal point) or ended; type, subject,
--     path, risk, area, lang, pack (with its version), consent (yes, anonymous, no), support (declined); li number of the person's last entry
--     when it was made, got when that came, opened; ended, outcome, reason, known, by, ap, rli (the person's last entry when it was asked)
--   referral (group: the matter, score: its deadline): state made, accepted, refused or done; kind support, accountability or service;
--     to whom, from (the referral before it in a chain), anon (nothing that tells who it is goes out), made, due
--   matter_step (group: the matter): what was done, never changed
-- A matter whose clearance is above its thread's is apart: it keeps the thread neither open nor tells of itself there.
do
    local int = P.int
    P.record_owned = P.record_owned or {}
    P.record_owned.matter, P.record_owned.referral, P.record_owned.matter_step = true, true, true

    -- What has to have been seen to, whatever was answered. Support: given, or offered and declined.
    local needs = {
        sea = {support = true, accountability = true}, fraud = {accountability = true}, misconduct = {accountability = true},
        gbv = {support = true}, child = {support = true}, self_harm = {support = true}, danger = {support = true}
    }
    local ORDER = {'state', 'type', 'subject', 'path', 'risk', 'area', 'lang', 'pack', 'consent', 'support', 'li', 'got', 'opened', 'ended', 'outcome',
        'reason', 'known', 'by', 'ap', 'rli'}
    local CODED = {type = true, subject = true, path = true, risk = true, area = true, lang = true, pack = true, consent = true, support = true}

    local function parse(facets)
        local f = {}
        for name, value in string.gmatch(facets, '(%S-)=(%S+)') do
            f[name] = value
        end
        return f
    end

    local function line(f, order)
        local out = {}
        for _, name in ipairs(order) do
            if f[name] and f[name] ~= '' then
                out[#out + 1] = name .. '=' .. f[name]
            end
        end
        return table.concat(out, ' ')
    end

    local function load(K, kind, id)
        local r = P.record_get(K, kind, id)
        if r then
            r.kind, r.id, r.f = kind, id, parse(r.facets)
        end
        return r
    end

    local function of_thread(K, t)
        local group, out = call('HGET', K .. 'thread:' .. t.id, 'mg'), {}
        for _, id in ipairs(group and P.record_ids(K, 'matter', group) or {}) do
            out[#out + 1] = load(K, 'matter', id)
        end
        return out
    end

    local function referrals(K, matter)
        local out = {}
        for _, id in ipairs(P.record_ids(K, 'referral', matter)) do
            out[#out + 1] = load(K, 'referral', id)
        end
        return out
    end

    -- For reports: their codes, by record (clearance, f with the names above).
    function P.matters_of(K, thread)
        return of_thread(K, {id = thread})
    end

    -- ---- what an end lacks ----

    -- Of the path: met by referrals that are done, or by support that was offered and declined.
    local function path_lacks(K, r, lacks)
        local need, have = needs[r.f.path or ''], {support = r.f.support == 'declined'}
        local open = false
        for _, x in ipairs(referrals(K, r.id)) do
            open = open or x.f.state == 'made' or x.f.state == 'accepted'
            have[x.f.kind or ''] = have[x.f.kind or ''] or x.f.state == 'done'
        end
        if open then
            lacks[#lacks + 1] = 'referral_open'
        end
        for _, name in ipairs({'support', 'accountability'}) do
            if need and need[name] and not have[name] then
                lacks[#lacks + 1] = name
            end
        end
    end

    -- Who has approved it is a focal point who did not ask for it, and the person has not written since.
    local function approved(K, t, r, m)
        return m.approver and r.f.state == 'asked' and r.f.reason == m.reason and r.f.by ~= m.approver
            and P.is_focal(K, m.approver, math.max(r.clearance, t.cl)) and r.f.rli == (call('HGET', K .. 'thread:' .. t.id, 'li') or '0')
    end

    -- What passes over a path's needs is for a focal point to decide.
    local function needs_focal(r, reason)
        local x = P.reasons[reason]
        return x and (x.focal or (x.free and needs[r.f.path or ''] ~= nil))
    end

    local function add(lacks, code)
        for _, there in ipairs(lacks) do
            if there == code then
                return
            end
        end
        lacks[#lacks + 1] = code
    end

    -- How its end is known, and what it lacks. m: now, reason, answer (the number of the entry that answers it), approver; covered: a focal
    -- point approves its thread's end.
    local function look(K, t, r, m)
        local lacks, known, due = {}, nil, nil
        local x = m.reason and (P.reasons[m.reason] or {})
        local is_approved = m.covered or approved(K, t, r, m)
        if not (r.f.type and r.f.subject and r.f.risk) and not (x and x.free) then
            lacks[1] = 'uncoded'
        end
        if not (x and x.free) then
            path_lacks(K, r, lacks)
        end
        if x then
            known = 'reason'
            P.reason_lacks(K, t, m.reason, is_approved, lacks)
            if needs_focal(r, m.reason) and not x.focal and not is_approved then
                lacks[#lacks + 1] = 'approval'
            end
        else
            local lack
            known, lack, due = P.answer_known(K, t, m.now, tonumber(r.f.li) or 0, m.answer)
            lacks[#lacks + 1] = lack
        end
        return known, lacks, due
    end

    -- For the guard of threads: the matters that the thread's clearance shows. One that lacks nothing ends with its thread.
    function P.matters_lack(K, t, m, r, lacks)
        local open, coded = {}, false
        for _, x in ipairs(of_thread(K, t)) do
            if x.clearance <= t.cl then
                coded = coded or (x.f.type ~= nil and x.f.subject ~= nil)
                if x.f.state ~= 'ended' then
                    open[#open + 1] = x
                end
            end
        end
        if P.guard_settings(K).pack and not coded and not (r and r.free) then
            lacks[#lacks + 1] = 'uncoded'
        end
        if #open == 1 and open[1].f.state == 'open' then
            local known, its = look(K, t, open[1], {now = m.now, reason = m.reason, covered = r and r.focal})
            for _, code in ipairs(its) do
                add(lacks, code)
            end
            m.ends = {record = open[1], known = known}
        elseif #open > 0 then
            lacks[#lacks + 1] = 'matters_open'
        end
    end

    -- ---- writing ----

    local function step(K, now, r, actor, what, detail)
        local seq = #P.record_ids(K, 'matter_step', r.id) + 1
        local f = {what = what, by = actor ~= '' and actor or 'system', detail = detail ~= '' and detail or nil}
        P.record_put(K, now, {kind = 'matter_step', id = r.id .. '.' .. int(seq), expect = 0, clearance = r.clearance, score = 0, group = r.id,
            facets = line(f, {'what', 'by', 'detail'}), sealed = '', actor = f.by})
    end

    -- Writes the record as r and r.f have it, its step, its audit line, and tells those who see its thread that there is something new.
    -- An error, or nil.
    local function write(K, t, now, r, actor, what, detail, shown)
        r.facets, r.actor, r.action, r.detail = line(r.f, ORDER), actor, 'matter.' .. what, detail
        r.expect = r.version
        if #r.facets > 512 then
            return P.err('TOO_LARGE its codes are too long')
        end
        local version, e = P.record_put(K, now, r)
        if not version then
            return e
        end
        step(K, now, r, actor, what, detail)
        if shown or r.clearance <= t.cl then
            P.thread_event(K, now, t, 'matter', actor)
        end
        return nil
    end

    local function find(K, thread, id)
        local t = P.thread(K, thread)
        local r = t and load(K, 'matter', id)
        if not r or r.group ~= (call('HGET', K .. 'thread:' .. t.id, 'mg') or '') then
            return nil, nil, P.err('NOT_FOUND no such matter')
        end
        return t, r
    end

    -- When the person's last entry came.
    local function got(K, t, li, now)
        local v = call('HGET', K .. 'log:' .. t.id, li)
        local time = v and P.log_head(v)
        return int(time or now)
    end

    local function fresh(K, t, id, group, now)
        local li = call('HGET', K .. 'thread:' .. t.id, 'li') or '0'
        return {kind = 'matter', id = id, version = 0, clearance = t.cl, score = now, contact = t.c, group = group,
            f = {state = 'open', li = li, got = got(K, t, li, now), opened = int(now)}}
    end

    -- Takes codes over; an error, or nil and the names of what is new.
    local function recode(K, t, r, actor, a, from)
        local changed = {}
        for i = from, #a, 2 do
            local name, value = a[i], a[i + 1]
            if not CODED[name] or string.find(value, '[%s=]') then
                return P.err('INVALID there is no such code')
            elseif name == 'path' and needs[r.f.path or ''] and value ~= r.f.path and not P.is_focal(K, actor, r.clearance) then
                return P.err('FORBIDDEN a focal point takes that back')
            elseif (r.f[name] or '') ~= value then
                r.f[name] = value
                changed[#changed + 1] = name .. ':' .. value
            end
        end
        return nil, table.concat(changed, ',')
    end

    -- thread group id version (0: new) actor key-id clearance sealed ('' as it is) what, then name value…: {id, version}
    P.reg('matter_put', function(K, a)
        local t, now = P.thread(K, a[1]), P.now()
        if not t then
            return P.err('NOT_FOUND no such thread')
        end
        local r, e
        if a[4] == '0' then
            if t.st == P.RESOLVED then
                return P.err('CONFLICT the thread is resolved; reopen it first')
            elseif P.record_get(K, 'matter', a[3]) then
                return P.err('CONFLICT there is such a matter')
            end
            r = fresh(K, t, a[3], a[2], now)
        else
            t, r, e = find(K, a[1], a[3])
            if e then
                return e
            elseif r.version ~= tonumber(a[4]) then
                return P.err('CONFLICT it has changed')
            end
        end
        local cl, was = tonumber(a[7]), r.clearance
        if r.f.state == 'ended' and cl == was then
            return P.err('CONFLICT it is ended')
        elseif cl < was then
            return P.err('FORBIDDEN a clearance is only raised')
        elseif cl ~= was and r.version > 0 and (r.sealed or '') ~= '' and a[8] == '' then
            return P.err('INVALID what it holds has to be sealed anew')
        end
        local wrong, changed = recode(K, t, r, a[5], a, 10)
        if wrong then
            return wrong
        end
        if r.f.state == 'asked' and changed ~= '' then
            r.f.state, r.f.reason, r.f.by, r.f.rli = 'open', nil, nil, nil
        end
        r.kid, r.clearance = tonumber(a[6]), cl
        if a[8] ~= '' then
            r.sealed = a[8]
        end
        e = write(K, t, now, r, a[5], cl > was and a[4] ~= '0' and 'sealed' or a[9], changed, was <= t.cl)
        if e then
            return e
        end
        if a[4] == '0' then
            call('HSET', K .. 'thread:' .. t.id, 'mg', a[2])
        elseif cl > was then
            for _, x in ipairs(referrals(K, r.id)) do
                x.clearance, x.actor, x.expect = cl, a[5], x.version
                P.record_put(K, now, x)
            end
        end
        return {r.id, int(r.version)}
    end)

    -- ---- ends ----

    local function ended(K, t, now, r, m)
        r.f.state, r.f.ended, r.f.known, r.f.reason, r.f.ap, r.f.rli = 'ended', int(now), m.known, m.reason, m.approver, nil
        r.f.outcome = m.outcome ~= '' and m.outcome or nil
        r.f.by = m.by or m.actor
        return write(K, t, now, r, m.actor, 'ended', (r.f.outcome or '-') .. ':' .. (m.reason or m.known))
    end

    -- With its thread, when the guard let that pass.
    function P.matter_ends_with(K, t, now, m)
        ended(K, t, now, m.ends.record, {known = m.ends.known, reason = m.reason, actor = m.actor, outcome = m.outcome or ''})
    end

    -- thread id actor outcome reason ('' none) answer (number of an entry, '' the newest): {id, version}
    P.reg_full('matter_end', function(K, a)
        local t, r, e = find(K, a[1], a[2])
        if e then
            return e
        elseif r.f.state == 'ended' then
            return P.err('CONFLICT it is ended')
        end
        local now, reason = P.now(), a[5] ~= '' and a[5] or nil
        local x = reason and P.reasons[reason]
        if reason and (not x or x.own) then
            return P.err('INVALID there is no such reason')
        end
        local known, lacks = look(K, t, r, {now = now, reason = reason, answer = tonumber(a[6])})
        if #lacks == 1 and lacks[1] == 'approval' then
            r.f.state, r.f.reason, r.f.by, r.f.outcome = 'asked', reason, a[3], a[4] ~= '' and a[4] or nil
            r.f.rli = call('HGET', K .. 'thread:' .. t.id, 'li') or '0'
            e = write(K, t, now, r, a[3], 'asked', reason)
        elseif #lacks > 0 then
            return P.err('GUARDED ' .. table.concat(lacks, ' '))
        else
            e = ended(K, t, now, r, {known = known, reason = reason, actor = a[3], outcome = a[4]})
        end
        return e or {r.id, int(r.version)}
    end)

    -- thread id actor yes: a focal point's word on an end that was asked for.
    P.reg_full('matter_approve', function(K, a)
        local t, r, e = find(K, a[1], a[2])
        if e then
            return e
        elseif r.f.state ~= 'asked' then
            return P.err('CONFLICT nothing waits for approval')
        elseif not P.is_focal(K, a[3], math.max(r.clearance, t.cl)) then
            return P.err('FORBIDDEN a focal point approves')
        end
        local now = P.now()
        if a[4] ~= '1' then
            local reason = r.f.reason
            r.f.state, r.f.reason, r.f.by, r.f.rli, r.f.outcome = 'open', nil, nil, nil, nil
            return write(K, t, now, r, a[3], 'end_refused', reason) or {r.id, int(r.version)}
        elseif r.f.by == a[3] then
            return P.err('FORBIDDEN somebody else than who asked for it approves')
        end
        local m = {now = now, reason = r.f.reason, approver = a[3], actor = a[3], by = r.f.by, outcome = r.f.outcome or ''}
        local known, lacks = look(K, t, r, m)
        if #lacks > 0 then
            return P.err('GUARDED ' .. table.concat(lacks, ' '))
        end
        m.known = known
        return ended(K, t, now, r, m) or {r.id, int(r.version)}
    end)

    -- thread id actor: it goes on.
    P.reg('matter_reopen', function(K, a)
        local t, r, e = find(K, a[1], a[2])
        if e then
            return e
        elseif r.f.state ~= 'ended' then
            return P.err('CONFLICT it is not ended')
        elseif t.st == P.RESOLVED and r.clearance <= t.cl then
            return P.err('CONFLICT the thread is resolved; reopen it first')
        elseif r.contact == NONE8 then
            return P.err('ERASED the person was erased')
        end
        for _, name in ipairs({'ended', 'outcome', 'reason', 'known', 'by', 'ap'}) do
            r.f[name] = nil
        end
        r.f.state, r.f.li = 'open', call('HGET', K .. 'thread:' .. t.id, 'li') or '0'
        return write(K, t, P.now(), r, a[3], 'reopened', '') or {r.id, int(r.version)}
    end)

    -- thread id reason ('' none) answer: {known, due, lacks…}
    P.reg_ro('matter_look', function(K, a)
        local t, r, e = find(K, a[1], a[2])
        if e then
            return e
        end
        local known, lacks, due = look(K, t, r, {now = P.now(), reason = a[3] ~= '' and a[3] or nil, answer = tonumber(a[4])})
        return {known or '', due and int(due) or 0, unpack(lacks)}
    end)

    -- ---- referrals ----

    local R_ORDER = {'state', 'kind', 'to', 'from', 'anon', 'made', 'due', 'area', 'path', 'risk', 'answered', 'thread'}

    local function passed(all, from, to)
        for _, x in ipairs(all) do
            if x.id == from then
                return x.f.to == to or passed(all, x.f.from, to)
            end
        end
        return false
    end

    -- thread id actor kind to due from ('' none): {referral's id, version}
    P.reg_full('refer', function(K, a)
        local t, r, e = find(K, a[1], a[2])
        if e then
            return e
        elseif r.f.state == 'ended' then
            return P.err('CONFLICT it is ended')
        elseif a[4] ~= 'support' and a[4] ~= 'accountability' and a[4] ~= 'service' then
            return P.err('INVALID a referral is for support, accountability or service')
        end
        local now, all = P.now(), referrals(K, r.id)
        local from_known = a[7] == ''
        for _, x in ipairs(all) do
            from_known = from_known or x.id == a[7]
            if x.f.to == a[5] and (x.f.state == 'made' or x.f.state == 'accepted') then
                return P.err('CONFLICT it is with them already')
            end
        end
        if not from_known then
            return P.err('NOT_FOUND no such referral')
        elseif passed(all, a[7], a[5]) then
            return P.err('CONFLICT it would go in a circle')
        end
        local anon = a[4] == 'accountability' and r.f.consent ~= 'yes'
        local x = {kind = 'referral', id = r.id .. '.' .. int(#all + 1), expect = 0, clearance = r.clearance, score = tonumber(a[6]), group = r.id,
            contact = not anon and r.contact ~= NONE8 and r.contact or '', kid = r.kid, sealed = '', actor = a[3]}
        x.facets = line({state = 'made', kind = a[4], to = a[5], from = a[7], anon = anon and '1' or nil, made = int(now), due = a[6], area = r.f.area,
            path = r.f.path, risk = r.f.risk, thread = r.group}, R_ORDER)
        local version, wrong = P.record_put(K, now, x)
        if not version then
            return wrong
        end
        r.f.state, r.f.rli = 'open', nil
        return write(K, t, now, r, a[3], 'referred', a[4] .. ':' .. a[5]) or {x.id, int(version)}
    end)

    local next_of = {made = {accepted = true, refused = true}, accepted = {done = true, refused = true}}

    -- thread matter referral actor state: {referral's id, version}
    P.reg_full('referral_move', function(K, a)
        local t, r, e = find(K, a[1], a[2])
        local x = not e and load(K, 'referral', a[3])
        if e or not x or x.group ~= r.id then
            return e or P.err('NOT_FOUND no such referral')
        elseif not (next_of[x.f.state] and next_of[x.f.state][a[5]]) then
            return P.err('CONFLICT it cannot become that')
        end
        local now = P.now()
        x.f.state, x.f.answered = a[5], int(now)
        x.facets, x.actor, x.expect = line(x.f, R_ORDER), a[4], x.version
        local version, wrong = P.record_put(K, now, x)
        if not version then
            return wrong
        end
        return write(K, t, now, r, a[4], 'referral_' .. a[5], x.f.to) or {x.id, int(version)}
    end)

    -- ---- what goes with its thread ----

    -- The person was erased, or their thread went: what was sealed goes, codes and times stay for the figures.
    function P.matters_forget(K, t, now, actor)
        for _, r in ipairs(of_thread(K, t)) do
            if r.f.state ~= 'ended' then
                r.f.state, r.f.ended, r.f.reason, r.f.known, r.f.by = 'ended', int(now), 'erased', 'reason', actor
            end
            r.contact, r.kid, r.sealed, r.facets, r.actor, r.expect = '', 0, '', line(r.f, ORDER), actor, nil
            P.record_put(K, now, r)
            for _, x in ipairs(referrals(K, r.id)) do
                x.contact, x.kid, x.actor, x.expect = '', 0, actor, nil
                P.record_put(K, now, x)
            end
        end
    end
end
