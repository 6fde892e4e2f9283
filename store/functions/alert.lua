-- SPDX-License-Identifier: Apache-2.0
-- Red alerts (alert.h): records of kind "alert" whose facets are the state, so that each step of the ladder, each notice and the
-- thread's priority change together. told:<code> (hash, 30 days): "<step> <login> <way>" → outcome, tries, time. What is due stands
-- in `timers`: "alert <code>" the ladder, "notice <code> <step> <login> <way>" one notice, "alarm <thread> <seq>" a word of alarm.
do
    local int = P.int
    P.record_owned = P.record_owned or {}
    P.record_owned.alert = true
    local TOLD_S = 30 * 86400
    local MEMBERS = 200 -- of a group; the next one is told by itself
    local TRIES, AGAIN_MOST_MS = 12, 30000 -- of one notice; the next step has others
    local COUNT_MS = 5000 -- between two notices that only tell that it are more
    local DRILL, OPEN = '1', {possible = true, raised = true, notified = true, acknowledged = true, handed = true}
    local RINGS = {raised = true, notified = true}
    local MAY = { -- router/alert.c has the same
        possible = {raised = true, dismissed = true},
        raised = {notified = true, acknowledged = true, dismissed = true},
        notified = {acknowledged = true, dismissed = true},
        acknowledged = {handed = true, closed = true, dismissed = true},
        handed = {handed = true, closed = true},
        closed = {}, dismissed = {}
    }
    -- state, category, area, how it came, who raised it, who held the thread, drill; times: seen, raised, first notice, acknowledged,
    -- handed over, ended, and by whom; steps taken, how many events, of how many was told and when, the alert that it was grouped to, thread, the least
    -- clearance that sees it
    local ORDER = {'state', 'cat', 'area', 'how', 'by', 'to', 'drill', 'cr', 'ra', 'fi', 'ak', 'ab', 'ha', 'hb', 'en', 'eb', 'st', 'n', 'tc',
        'tm', 'of', 'th', 'mc'}

    local function get(K, code)
        local r = P.record_get(K, 'alert', code)
        if not r then
            return nil
        end
        r.kind, r.id, r.f = 'alert', code, {}
        for name, value in string.gmatch(r.facets, '(%S-)=(%S*)') do
            r.f[name] = value
        end
        return r
    end

    local function put(K, now, r, actor, action, detail)
        local words = {}
        for _, name in ipairs(ORDER) do
            local v = r.f[name]
            if v and v ~= '' then
                words[#words + 1] = name .. '=' .. v
            end
        end
        if r.contact and r.contact ~= '' and r.contact ~= NONE8 and call('HEXISTS', K .. 'contact:' .. r.contact, 'er') == 1 then
            r.contact, r.kid, r.sealed = '', 0, '' -- the person was erased; what was done about it stays
        end
        r.facets, r.expect, r.actor, r.action, r.detail = table.concat(words, ' '), nil, actor, action, detail
        return P.record_put(K, now, r)
    end

    local function due(K, what, ms)
        call('ZADD', K .. 'timers', int(ms), what)
    end

    local function num(v)
        return tonumber(v or '') or 0
    end

    local function unhex(text)
        return (string.gsub(text, '%x%x', function(two)
            return char(tonumber(two, 16))
        end))
    end

    -- What happens stands in the person's thread too, and the thread is urgent from the first moment.
    local function mark_thread(K, now, r, actor)
        local t = r.f.th and P.thread(K, unhex(r.f.th))
        if not t or r.f.drill == DRILL then
            return
        end
        local was = num(call('HGET', K .. 'thread:' .. t.id, 'pr'))
        local want = math.max(was, r.f.state == 'possible' and 2 or OPEN[r.f.state] and 3 or 0)
        P.change(K, t, {now = now, actor = actor, why = 'alert', a = r.f.state, b = r.id, set = {'pr', int(want)},
            detail = r.id .. ' ' .. r.f.state})
    end

    -- The alerts that were grouped to this one.
    local function members(K, r)
        local out = {}
        for _, id in ipairs(call('ZRANGEBYSCORE', K .. 'recz:alert', r.f.cr, '+inf', 'LIMIT', 0, 2000)) do
            local one = id ~= r.id and get(K, id)
            if one and one.f.of == r.id then
                out[#out + 1] = one
            end
        end
        return out
    end

    -- One that rings for the same thing in the same place, and began within the time of a group.
    local function leader(K, now, r, group_ms)
        for _, id in ipairs(call('ZREVRANGE', K .. 'recz:alert', 0, 299)) do
            local o = id ~= r.id and get(K, id)
            if o and RINGS[o.f.state] and not o.f.of and o.f.cat == r.f.cat and (o.f.area or '') == (r.f.area or '')
                and o.clearance == r.clearance and (o.f.drill or '') == (r.f.drill or '') and now - num(o.f.ra) <= group_ms
                and num(o.f.n) < MEMBERS then
                return o
            end
        end
    end

    -- It pages from now on: by itself, or with the one that it is like.
    local function page(K, now, r, group_ms)
        r.f.state, r.f.ra, r.f.n, r.f.st = 'raised', int(now), '1', '0'
        local o = leader(K, now, r, group_ms)
        if not o then
            due(K, 'alert ' .. r.id, now)
            return
        end
        r.f.of = o.id
        o.f.n = int(num(o.f.n) + 1)
        put(K, now, o, 'system', 'alert.grouped', r.id .. ' ' .. o.f.n)
        due(K, 'alert ' .. o.id, math.max(now, num(o.f.tm) + COUNT_MS))
    end

    local function answer(r, how)
        return {r.id, r.f.state, how, int(r.version)}
    end

    -- The open alert of a thread, or one of words that was dismissed a moment ago.
    local function there(K, now, group, how, group_ms)
        for _, id in ipairs(call('ZREVRANGE', K .. 'recg:alert:' .. group, 0, 9)) do
            local o = get(K, id)
            if o and OPEN[o.f.state] and o.f.state ~= 'handed' then
                return o
            elseif o and how == 'words' and o.f.state == 'dismissed' and now - num(o.f.en) < group_ms then
                return o
            end
        end
    end

    local function confirm(K, now, r, actor, group_ms, action)
        call('ZREM', K .. 'timers', 'alert ' .. r.id)
        page(K, now, r, group_ms)
        local _, wrong = put(K, now, r, actor, action, r.f.cat .. ' ' .. (r.f.area or ''))
        if not wrong then
            mark_thread(K, now, r, actor)
        end
        return wrong
    end

    -- thread ('' a drill) code state category how actor drill group_ms clearance kid sealed confirm_ms timer group area: the alert's code, state,
    -- "new", "grouped" or "same" (it was there), version
    P.reg_full('alert_raise', function(K, a)
        local now, group_ms, area = P.now(), tonumber(a[8]), a[15]
        local t = a[1] ~= '' and P.thread(K, a[1]) or nil
        if a[1] ~= '' and not t then
            return P.err('NOT_FOUND no such thread')
        elseif t and t.cl ~= tonumber(a[9]) then
            return P.err('AGAIN the clearance is another')
        end
        local was = t and there(K, now, a[14], a[5], group_ms)
        if was then
            local wrong = was.f.state == 'possible' and a[3] == 'raised' and confirm(K, now, was, a[6], group_ms, 'alert.raised')
            if wrong then
                return wrong
            end
            call('ZREM', K .. 'timers', a[13])
            return answer(was, 'same')
        elseif call('EXISTS', K .. 'rec:alert:' .. a[2]) == 1 then
            return P.err('AGAIN that code is taken')
        end
        local r = {kind = 'alert', id = a[2], clearance = tonumber(a[9]), score = now, contact = t and t.c or '', kid = tonumber(a[10]),
            group = a[14], sealed = a[11],
            f = {state = a[3], cat = a[4], area = t and t.ar or area, how = a[5], by = a[6], to = t and t.as or '', drill = a[7],
                cr = int(now), th = t and P.hex(t.id) or ''}}
        if a[3] == 'raised' then
            page(K, now, r, group_ms)
        else
            due(K, 'alert ' .. r.id, now + a[12])
        end
        local _, wrong = put(K, now, r, a[6], 'alert.' .. a[3], a[4] .. ' ' .. a[5] .. ' ' .. (r.f.area or ''))
        if wrong then
            return wrong
        end
        call('ZREM', K .. 'timers', a[13])
        mark_thread(K, now, r, a[6])
        return answer(r, r.f.of and 'grouped' or 'new')
    end)

    -- Nobody confirmed a possible alert in time. code group_ms: 1, or 0 when it is that no more
    P.reg_full('alert_unconfirmed', function(K, a)
        local r = get(K, a[1])
        if not r or r.f.state ~= 'possible' then
            return 0
        end
        return confirm(K, P.now(), r, 'system', tonumber(a[2]), 'alert.unconfirmed') or 1
    end)

    local function first_told(K, now, r)
        if r.f.state == 'raised' then
            r.f.state, r.f.fi = 'notified', r.f.fi or int(now)
            return true
        end
    end

    -- Whoever was told of the group was told of each in it.
    local function told_all(K, now, r, action, detail)
        first_told(K, now, r)
        local _, wrong = put(K, now, r, 'system', action, detail)
        for _, one in ipairs(members(K, r)) do
            if not wrong and first_told(K, now, one) then
                _, wrong = put(K, now, one, 'system')
            end
        end
        return wrong
    end

    -- code step ("3", or "c5": of five events now) level next_ms notices (lines of login, way, outcome; '': to be sent, else how it is known to have
    -- ended): 1, or 0 when somebody took this step already or nobody waits for it
    P.reg_full('alert_step', function(K, a)
        local now, r = P.now(), get(K, a[1])
        if not r or not RINGS[r.f.state] or r.f.of then
            return 0
        end
        local counted = sub(a[2], 1, 1) == 'c'
        if counted and num(r.f.tc) >= tonumber(sub(a[2], 2)) or not counted and num(r.f.st) > tonumber(a[2]) then
            return 0
        end
        if not counted then
            r.f.st = int(a[2] + 1)
        end
        r.f.tc, r.f.tm = r.f.n, int(now)
        local key, told, notices = K .. 'told:' .. r.id, false, 0
        for login, way, outcome in string.gmatch(a[5], '(%S+) (%S+) (%S*)\n') do
            local name = a[2] .. ' ' .. login .. ' ' .. way
            notices = notices + 1
            if call('HSETNX', key, name, (outcome ~= '' and outcome or 'queued') .. ' 0 ' .. int(now)) == 1 and outcome == '' then
                due(K, 'notice ' .. r.id .. ' ' .. name, now)
            end
            told = told or outcome == 'sent'
        end
        call('EXPIRE', key, TOLD_S)
        due(K, 'alert ' .. r.id, tonumber(a[4]))
        local detail = a[2] .. ' ' .. a[3] .. ' ' .. int(notices)
        if told then
            return told_all(K, now, r, 'alert.told', detail) or 1
        end
        local _, wrong = put(K, now, r, 'system', 'alert.told', detail)
        return wrong or 1
    end)

    -- code "<step> <login> <way>" outcome again_ms (0: not again): how a notice ended; it is tried again after that, then the double …
    P.reg_full('alert_told', function(K, a)
        local now, r, key = P.now(), get(K, a[1]), K .. 'told:' .. a[1]
        local tries = num(string.match(call('HGET', key, a[2]) or '', '^%S+ (%d+)')) + 1
        local again, timer = tonumber(a[4]), 'notice ' .. a[1] .. ' ' .. a[2]
        local outcome = again > 0 and tries >= TRIES and 'failed' or a[3]
        call('HSET', key, a[2], outcome .. ' ' .. int(tries) .. ' ' .. int(now))
        call('EXPIRE', key, TOLD_S)
        if again > 0 and tries < TRIES then
            due(K, timer, now + math.min(again * 2 ^ (tries - 1), AGAIN_MOST_MS))
        else
            call('ZREM', K .. 'timers', timer)
        end
        if r and a[3] == 'sent' and r.f.state == 'raised' then
            local wrong = told_all(K, now, r, 'alert.notified', a[2])
            if wrong then
                return wrong
            end
        end
        return tries
    end)

    local function ended(K, now, r, actor)
        r.f.en, r.f.eb = int(now), actor
        call('ZREM', K .. 'timers', 'alert ' .. r.id)
    end

    -- Whom the group was told by is gone: the next one of it rings on, since each is another person.
    local function promote(K, now, r)
        local list = members(K, r)
        for i, one in ipairs(list) do
            one.f.of = i > 1 and list[1].id or nil
            if i == 1 then
                one.f.n, one.f.st, one.f.tc, one.f.tm = int(#list), r.f.st, '0', r.f.tm
                due(K, 'alert ' .. one.id, now)
            end
            put(K, now, one, 'system', 'alert.regrouped', r.id)
        end
    end

    local function acknowledge(K, now, r, actor)
        r.f.ak, r.f.ab = int(now), actor
        call('ZREM', K .. 'timers', 'alert ' .. r.id)
    end

    -- What is acknowledged is what was told: the whole group.
    local function acknowledge_group(K, now, r, actor, via)
        local head = r.f.of and get(K, r.f.of) or r
        local all = members(K, head)
        all[#all + 1] = head.id ~= r.id and head or nil
        for _, one in ipairs(all) do
            if one.id ~= r.id and RINGS[one.f.state] then
                one.f.state = 'acknowledged'
                acknowledge(K, now, one, actor)
                put(K, now, one, actor, 'alert.acknowledged', via .. ' ' .. r.id)
            end
        end
    end

    -- code to actor via group_ms clearance kid sealed ('' as it is): the state before, the version
    P.reg_full('alert_move', function(K, a)
        local now, r, to, actor = P.now(), get(K, a[1]), a[2], a[3]
        if not r then
            return P.err('NOT_FOUND no such alert')
        end
        local from = r.f.state
        if from == to and to ~= 'handed' or to == 'raised' and RINGS[from] then
            return {from, int(r.version)}
        elseif not (MAY[from] or {})[to] then
            return P.err('CONFLICT it is ' .. from)
        elseif a[8] ~= '' and r.clearance ~= tonumber(a[6]) then
            return P.err('AGAIN the clearance is another')
        end
        if a[8] ~= '' then
            r.sealed, r.kid = a[8], tonumber(a[7])
        end
        if to == 'raised' then
            return confirm(K, now, r, actor, tonumber(a[5]), 'alert.confirmed') or {from, int(r.version)}
        end
        r.f.state = to
        if to == 'acknowledged' then
            acknowledge(K, now, r, actor)
        elseif to == 'handed' then
            r.f.ha, r.f.hb = int(now), actor
        else
            ended(K, now, r, actor)
        end
        local _, wrong = put(K, now, r, actor, 'alert.' .. to, a[4])
        if wrong then
            return wrong
        end
        if to == 'acknowledged' then
            acknowledge_group(K, now, r, actor, a[4])
        elseif to == 'dismissed' and RINGS[from] then
            promote(K, now, r)
        end
        mark_thread(K, now, r, actor)
        return {from, int(r.version)}
    end)

    -- The thread was sealed: whoever may not see it any more hears no more of its alerts either (`mc`; what is written stays under the
    -- key that it has).
    function P.alert_sealed(K, now, thread, cl)
        local th = P.hex(thread)
        for _, id in ipairs(call('ZREVRANGE', K .. 'recz:alert', 0, 999)) do
            local r = get(K, id)
            if r and r.f.th == th and num(r.f.mc) < cl and r.clearance < cl then
                r.f.mc = int(cl)
                put(K, now, r, 'system', 'alert.sealed', int(cl))
            end
        end
    end

    -- code: how its notices ended, field and value in turn
    P.reg_ro('alert_notices', function(K, a)
        return call('HGETALL', K .. 'told:' .. a[1])
    end)

    -- A word of alarm came in (ingest.lua): it is looked at at once, and again if whoever does so dies.
    function P.alarm(K, now, thread, seq)
        due(K, 'alarm ' .. P.hex(thread) .. ' ' .. int(seq), now)
    end
end
