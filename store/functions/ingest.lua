-- SPDX-License-Identifier: Apache-2.0
-- What comes in: one step for dedupe, contact, addresses, thread, entry, indexes, media, event and audit. The caller says what it
-- believes (contact, thread), since it had to encrypt for them; when that is wrong nothing is written and it is told what is right.
do
    local int = P.int
    local PER_SENDER, FOREVER, VERIFIED, HAS_ALSO, NO_LAST_AGENT = 1, 2, 4, 8, 16
    local DELETION, REACTION = 2, 3 -- enum store_kind
    local PERSON = 'person'

    -- The thread of each clearance that takes what comes ('' none) and its topic.
    local function threads(K, now, contact, reopen_ms, out)
        local o = contact and call('HMGET', K .. 'contact:' .. contact, 'o0', 'o1', 'o2') or {}
        for i = 1, 3 do
            local t = o[i] and call('HMGET', K .. 'thread:' .. o[i], 'st', 'rs', 'tp')
            local use = t and t[1] and P.usable(t[1], t[2], now, reopen_ms)
            out[#out + 1] = use and o[i] or ''
            out[#out + 1] = use and t[3] or ''
        end
    end

    -- What a node has to know: 'R', contact, key id, whose `also` is ('' nobody's, '1' theirs, '2' another's, '3' theirs and the only one known),
    -- language, script, how, sums, area, name's hash, three times thread and topic, the thread, number and clearance of the target (0 when it is not known).
    local function known(K, now, blind, also, reopen_ms, target)
        local first = P.addr_get(K, blind)
        local second = also ~= '' and P.addr_get(K, also) or nil
        local contact = first or second
        local c = contact and call('HMGET', K .. 'contact:' .. contact, 'k', 'lt', 'ls', 'lh', 'u', 'ar', 'N') or {}
        local out = {'R', contact or '', c[1] or '', second and (not first and '3' or second == first and '1' or '2') or '',
            c[2] or '', c[3] or '', c[4] or '', c[5] or '', c[6] or '', c[7] or ''}
        threads(K, now, contact, reopen_ms, out)
        local thread, seq
        if target then
            thread, seq = P.external(K, now, sub(target, 1, 3), sub(target, 4), contact)
        end
        local t = thread and call('HMGET', K .. 'thread:' .. thread, 'c', 'cl')
        local theirs = t and contact and t[1] == contact
        out[17], out[18], out[19] = theirs and thread or '', theirs and seq or 0, theirs and tonumber(t[2] or 0) or 0
        return out
    end

    -- blind also reopen_ms target ('' or selector 3 and hash)
    P.reg_ro('known', function(K, a)
        return known(K, P.now(), a[1], a[2], tonumber(a[3]), a[4] ~= '' and a[4] or nil)
    end)

    local function answer(how, thread, contact, seq, flags)
        return pack('>c1c8c8I4B', how, thread, contact, seq, flags)
    end

    -- Sets of fields that are left out when they are empty.
    local function field(list, name, value)
        if value ~= '' then
            list[#list + 1], list[#list + 2] = name, value
        end
    end

    local function language(list, m, lh)
        if m.lh > 0 and m.lh >= lh then
            list[#list + 1], list[#list + 2], list[#list + 3] = 'lt', m.lt, 'ls'
            list[#list + 1], list[#list + 2], list[#list + 3] = m.ls, 'lh', m.lh
            return true
        end
    end

    local function new_thread(K, m, id, contact, kid, area, last_agent)
        local now = int(m.now)
        local set = {'c', contact, 'k', kid, 'st', P.WAITING, 'wt', now, 'op', now, 'lm', now, 'n', 1, 'li', 1, 'v', 1,
            'ch', m.channel, 'fa', m.blind, 'cl', m.cl}
        language(set, m, 0)
        field(set, 'tp', m.topic)
        field(set, 'ar', area)
        field(set, 'la', last_agent)
        if m.pr ~= 0 then
            field(set, 'pr', m.pr)
        end
        if m.no_last_agent then
            field(set, 'nl', 1)
        end
        call('HSET', K .. 'thread:' .. id, unpack(set))
        call('ZADD', K .. 'waiting', now, id)
    end

    -- What a message changes in the thread that takes it; the number of the entry, and why the thread has changed.
    local function add_to_thread(K, m, id)
        local key = K .. 'thread:' .. id
        local t = call('HMGET', key, 'n', 'v', 'lm', 'lt', 'ls', 'lh', 'tp', 'pr', 'ch', 'fa', 'st', 'as', 'ar', 'nl')
        local n, why = (tonumber(t[1]) or 0) + 1, P.WHY_NONE
        local last = tonumber(t[3]) or 0
        m.time = math.max(m.now, last)
        local set = {'n', int(n), 'v', int((tonumber(t[2]) or 0) + 1), 'lm', int(m.time), 'li', int(n)}
        if m.lt ~= (t[4] or '') or m.ls ~= (t[5] or '') or m.lh > (tonumber(t[6]) or 0) then
            why = language(set, m, tonumber(t[6]) or 0) and P.WHY_LANGUAGE or why
        end
        if m.topic ~= '' and (t[7] or '') == '' then
            field(set, 'tp', m.topic)
            why = P.WHY_TOPIC
        end
        if m.pr > (tonumber(t[8]) or 0) then
            field(set, 'pr', m.pr)
            why = P.WHY_PRIORITY
        end
        if m.no_last_agent and not t[14] then
            field(set, 'nl', 1)
        end
        if m.kind ~= DELETION and m.kind ~= REACTION then
            if m.channel ~= t[9] then
                field(set, 'ch', m.channel)
            end
            if m.blind ~= t[10] then
                field(set, 'fa', m.blind)
                m.touch = true
            end
        end
        call('HSET', key, unpack(set))
        m.state, m.assignee, m.area_now = tonumber(t[11]) or 0, t[12] or '', t[13] or ''
        return n, why
    end

    local function new_contact(K, m, contact, a)
        local set = {'k', a[10], 'v', 1, 'a' .. m.blind, a[11]}
        language(set, m, 0)
        field(set, 'u', m.sums)
        field(set, 'ar', m.area)
        field(set, 'p', a[13])
        field(set, 'N', a[14])
        if m.has_also then
            field(set, 'a' .. m.also, a[12])
        end
        if not m.thread then
            field(set, 'o' .. m.cl, m.new_thread)
            field(set, 'T', m.new_thread)
        end
        call('HSET', K .. 'contact:' .. contact, unpack(set))
    end

    -- A known contact: language and sums, a new thread, addresses that joined.
    local function touch_contact(K, m, contact, a)
        m.name_differs = false
        local key, set = K .. 'contact:' .. contact, {}
        local c = call('HMGET', key, 'lt', 'ls', 'lh', 'u', 'N')
        if m.lt ~= (c[1] or '') or m.ls ~= (c[2] or '') or m.lh > (tonumber(c[3]) or 0) then
            language(set, m, tonumber(c[3]) or 0)
        end
        if m.sums ~= '' and m.sums ~= c[4] then
            field(set, 'u', m.sums)
        end
        if not m.thread then
            local list = m.new_thread .. (call('HGET', key, 'T') or '')
            field(set, 'o' .. m.cl, m.new_thread)
            field(set, 'T', sub(list, 1, 400))
        end
        if a[13] ~= '' and not c[5] and call('HEXISTS', key, 'p') == 0 then
            field(set, 'p', a[13])
            field(set, 'N', a[14])
        elseif a[14] ~= '' and c[5] ~= a[14] and c[5] ~= '-' then
            m.name_differs = true
        end
        if m.joins then
            field(set, 'a' .. m.blind, a[11])
        end
        if m.also_joins then
            field(set, 'a' .. m.also, a[12])
        end
        if #set > 0 then
            call('HSET', key, unpack(set))
        end
        if m.joins or m.also_joins then
            P.event(K, m.now, P.EV_CONTACT, {'c', contact, 'w', 'addresses', 'x', PERSON})
            P.audit(K, PERSON, 'contact.address', 'contact:' .. P.hex(contact), m.channel)
        end
    end

    -- The address's own record: written when it is new, on another channel, back from being blocked, or an hour old.
    local function touch_address(K, m, contact)
        local v = m.address
        local flags = v and byte(v, 9) or 0
        local now_flags = (m.verified or flags % 2 == 1) and P.VERIFIED or 0
        local old = v and (unpack_s('>I4', v, 10)) or 0
        if not v or m.touch or flags ~= now_flags or sub(v, 14) ~= m.channel or m.now / 1000 - old > 3600 then
            P.addr_put(K, m.now, m.blind, contact, now_flags, m.channel)
        end
        if m.has_also and (m.also_joins or m.created) then
            P.addr_put(K, m.now, m.also, contact, now_flags, m.channel)
        end
    end

    local function parse(a)
        local m = {now = P.now(), id = a[2], entry = a[3], channel = a[4], lt = a[5], ls = a[6], sums = a[7], topic = a[8], area = a[9],
            words = a[15]}
        local flags
        m.blind, m.also, m.contact, m.expected, m.new_contact, m.new_thread, m.sel, m.kind, flags, m.mode, m.cl, m.lh, m.pr, m.reopen,
            m.node = unpack_s('>c16c16c8c8c8c8c3BBBBBi2I4c2', a[1])
        m.per_sender, m.forever = flags % 2 == 1, flags % 4 >= FOREVER
        m.verified, m.has_also = flags % 8 >= VERIFIED, flags % 16 >= HAS_ALSO
        m.no_last_agent = flags % 32 >= NO_LAST_AGENT
        m.reopen = m.reopen * 1000
        return m
    end

    -- Finds who writes: sets contact (nil for a new one) and which addresses join them.
    local function who(K, m, a)
        local contact, second
        contact, m.address = P.addr_get(K, m.blind)
        if m.has_also then
            second = P.addr_get(K, m.also)
            m.joins = not contact and second ~= nil and a[11] ~= ''
            m.also_joins = not second and contact ~= nil and a[12] ~= ''
        end
        return contact or second
    end

    -- Thread and number of the entry when this id was taken before.
    local function seen(K, m, contact)
        if m.per_sender then
            return contact and call('HGET', K .. 'refs:' .. contact, m.id)
        end
        local v
        v, m.seen_key, m.seen_n = P.seen_get(K, m.now, m.sel, m.id, m.forever)
        return v
    end

    -- The thread that takes it: nil for a new one. False when the caller believed otherwise.
    local function choose(K, m, contact)
        if m.mode == 1 then -- the thread of what is edited
            local t = call('HMGET', K .. 'thread:' .. m.expected, 'c', 'cl')
            return t[1] == contact and tonumber(t[2]) == m.cl and m.expected
        end
        local o = contact and call('HGET', K .. 'contact:' .. contact, 'o' .. m.cl)
        local t = o and call('HMGET', K .. 'thread:' .. o, 'st', 'rs', 'la')
        m.before = t and t[3] or ''
        if t and t[1] and P.usable(t[1], t[2], m.now, m.reopen) then
            m.asleep = t[1] == tostring(P.RESOLVED) or t[1] == tostring(P.SNOOZED)
            return o == m.expected and o
        end
        return m.expected == NONE8 and nil
    end

    local function remember(K, m, contact, value)
        if m.per_sender then
            call('HSET', K .. 'refs:' .. contact, m.id, value)
        else
            P.seen_put(m.now, m.seen_key, m.seen_n, m.id, value, m.forever)
        end
    end

    local function media(K, m, thread, seq, a)
        for i = 16, #a do
            local item = pack('>c8I4B', thread, seq, i - 16)
            call('HSET', K .. 'mediaj', item, a[i])
            call('ZADD', K .. 'media', int(m.now), item)
        end
    end

    local function wake(K, m)
        if m.kind == DELETION or m.kind == REACTION then
            return false
        end
        return P.thread_wakes(K, m.thread, m.now, PERSON)
    end

    local function store(K, m, contact, a)
        local flags, seq, why = 0, 1, P.WHY_OPENED
        m.time, m.state, m.assignee = m.now, P.WAITING, ''
        m.created = contact == nil
        contact = contact or m.new_contact
        local thread = m.thread or m.new_thread
        if m.thread then
            flags = m.asleep and wake(K, m) and 4 or 0
            seq, why = add_to_thread(K, m, thread)
        end
        if m.created then
            new_contact(K, m, contact, a)
            call('HINCRBY', K .. 'counts', 'contacts', 1)
            flags = flags + 1
        else
            touch_contact(K, m, contact, a)
            flags = flags + (m.name_differs and 8 or 0)
        end
        if not m.thread then
            local c = call('HMGET', K .. 'contact:' .. contact, 'k', 'ar')
            m.area_now = m.area ~= '' and m.area or c[2] or ''
            new_thread(K, m, thread, contact, c[1], m.area_now, m.before)
            flags = flags + 2
        end
        touch_address(K, m, contact)
        call('HSET', K .. 'log:' .. thread, int(seq), P.log_value(m.time, m.entry))
        call('ZADD', K .. 'threads', int(m.time), thread)
        remember(K, m, contact, pack('>c8I4', thread, seq))
        if m.words ~= '' then
            call('RPUSH', K .. 'words:' .. thread, m.words)
        end
        media(K, m, thread, seq, a)
        P.entry_event(K, m.now, thread, contact, seq, m.kind + 8 + 16 * m.cl, m.state, 0, why, m.node,
            m.assignee .. '\tperson\t' .. m.channel .. '\t' .. m.area_now)
        if m.cl > 0 then
            P.audit(K, PERSON, 'entry.in', 'thread:' .. P.hex(thread), m.channel .. ' ' .. int(seq))
        end
        return answer('N', thread, contact, seq, flags)
    end

    -- Answers what `known` does when the caller believes what is no longer so; else 'N' (or 'D': it was there already), thread 8, contact 8,
    -- number 4, flags (1 new contact, 2 new thread, 4 reopened, 8 the provider's name differs from the one kept).
    -- 1 what has a fixed size (parse), 2 the id's hash, 3 entry, 4 channel, 5 language, 6 script, 7 sums, 8 topic, 9 area, 10 key id of a new
    -- contact, 11 address, 12 also, 13 profile (sealed), 14 name's hash, 15 words, 16… media jobs (sealed)
    P.reg('ingest', function(K, a)
        local m = parse(a)
        local contact = who(K, m, a)
        local was = seen(K, m, contact)
        if was then
            return answer('D', sub(was, 1, 8), contact or NONE8, (unpack_s('>I4', was, 9)), 0)
        end
        local believed = (contact or NONE8) == m.contact
        if believed then
            m.thread = choose(K, m, contact)
        end
        if not believed or m.thread == false or (not m.thread
            and call('EXISTS', K .. 'thread:' .. m.new_thread, K .. 'contact:' .. m.new_contact) > 0) then
            return known(K, m.now, m.blind, m.has_also and m.also or '', m.reopen)
        end
        return store(K, m, contact, a)
    end)
end
