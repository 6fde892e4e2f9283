-- SPDX-License-Identifier: Apache-2.0
-- What comes in: one step for dedupe, contact, addresses, thread, entry, indexes, media, event and audit. The caller says what it
-- believes (contact, thread), since it had to encrypt for them; when that is wrong nothing is written and it is told what is right.
-- Most messages are of a known person and change nothing but the thread's numbers: the caller says so (SAME) with the version of the
-- thread that it knows, and what it has not changed is neither read nor written.
do
    local int = P.int
    local PER_SENDER, FOREVER, VERIFIED, HAS_ALSO, NO_LAST_AGENT, SAME, GROUPED, ASKS = 1, 2, 4, 8, 16, 32, 64, 128
    local TARGETED, FRESH, NUMBER, BOT, ALARM = 1, 2, 4, 8, 16 -- m.mode
    local MESSAGE, DELETION, REACTION = 0, 2, 3 -- enum store_kind
    local PERSON = 'person'
    local NO_ENTRY = ('\0'):rep(10)

    -- When a thread's person last wrote there or was written to: notes and moves do not count. A thread that nobody takes for long has
    -- hundreds of moves behind what was said last: the person's last message is known without looking for it.
    local function spoken(K, thread)
        local t = call('HMGET', K .. 'thread:' .. thread, 'n', 'li')
        local n, last_in = tonumber(t[1]) or 0, tonumber(t[2]) or 0
        for seq = n, math.max(last_in + 1, n - 199), -1 do
            local time, _, _, channel = P.log_head(call('HGET', K .. 'log:' .. thread, int(seq)) or NO_ENTRY)
            if time and channel ~= '' then
                return time
            end
        end
        return (P.log_head(call('HGET', K .. 'log:' .. thread, int(last_in)) or NO_ENTRY)) or 0
    end

    -- The thread of each clearance that takes what comes ('' none) and its topic. Of who has had several the clearance of the one in which
    -- was spoken last, '3' when none takes anything; of others ''.
    local function threads(K, now, contact, reopen_ms, out, doubted)
        local o
        if contact and doubted then
            o = {P.doubted(K, now, contact, doubted, 0, reopen_ms) or false, P.doubted(K, now, contact, doubted, 1, reopen_ms) or false,
                P.doubted(K, now, contact, doubted, 2, reopen_ms) or false}
        else
            o = contact and call('HMGET', K .. 'contact:' .. contact, 'o0', 'o1', 'o2') or {}
        end
        local several = (o[1] and 1 or 0) + (o[2] and 1 or 0) + (o[3] and 1 or 0) > 1
        local last, latest = several and '3' or '', -1
        for i = 1, 3 do
            local t = o[i] and call('HMGET', K .. 'thread:' .. o[i], 'st', 'rs', 'tp')
            local use = t and t[1] and P.usable(t[1], t[2], now, reopen_ms)
            out[#out + 1] = use and o[i] or ''
            out[#out + 1] = use and t[3] or ''
            local time = use and several and spoken(K, o[i])
            if time and time >= latest then
                last, latest = int(i - 1), time
            end
        end
        return last
    end

    -- What a node has to know: 'R', contact, key id, whose `also` is ('' nobody's, '1' theirs, '2' another's, '3' theirs and the only one known),
    -- language, script, how, sums, area, name's hash, three times thread and topic, the thread, number and clearance of the target (0
    -- when it is not known), what `threads` says.
    -- channel: of who has a telephone number; nil: nothing is doubted.
    local function known(K, now, blind, also, reopen_ms, target, channel)
        local first, v = P.addr_get(K, blind)
        local second, v2
        if also ~= '' then
            second, v2 = P.addr_get(K, also)
        end
        local contact = first or second
        if not contact and not target then
            return {'R'}
        end
        local c = contact and call('HMGET', K .. 'contact:' .. contact, 'k', 'lt', 'ls', 'lh', 'u', 'ar', 'N') or {}
        local out = {'R', contact or '', c[1] or '', second and (not first and '3' or second == first and '1' or '2') or '',
            c[2] or '', c[3] or '', c[4] or '', c[5] or '', c[6] or '', c[7] or ''}
        local doubted = contact and channel and P.doubt(K, now, contact, v or v2, channel)
        if doubted then -- nothing that is known of the number is taken for known of whoever writes
            for i = 5, 8 do
                out[i] = ''
            end
            out[10] = ''
        end
        local last, thread, seq = threads(K, now, contact, reopen_ms, out, doubted and channel), nil, nil
        if target then
            thread, seq = P.external(K, now, sub(target, 1, 3), sub(target, 4), contact)
        end
        local t = thread and call('HMGET', K .. 'thread:' .. thread, 'c', 'cl')
        local theirs = t and contact and t[1] == contact
        out[17], out[18], out[19] = theirs and thread or '', theirs and seq or 0, theirs and tonumber(t[2] or 0) or 0
        out[20] = last
        return out
    end

    -- blind also reopen_ms target ('' or selector 3 and hash) channel ('': no telephone number)
    P.reg_ro('known', function(K, a)
        return known(K, P.now(), a[1], a[2], tonumber(a[3]), a[4] ~= '' and a[4] or nil, (a[5] or '') ~= '' and a[5] or nil)
    end)

    local m = {} -- of the call that runs: one table for all, since making one costs as much as a command
    local function parse(a)
        local flags
        m.now, m.id, m.entry, m.channel, m.words, m.sums = P.now(), a[2], a[3], a[4], a[5], a[6]
        m.blind, m.also, m.contact, m.expected, m.new_contact, m.new_thread, m.sel, m.kind, flags, m.mode, m.cl, m.lh, m.pr, m.reopen,
            m.node, m.believed_version = unpack_s('>c16c16c8c8c8c8c3BBBBBi2I4c2I4', a[1])
        m.per_sender, m.forever = flags % 2 == 1, flags % 4 >= FOREVER
        m.verified, m.has_also = flags % 8 >= VERIFIED, flags % 16 >= HAS_ALSO
        m.no_last_agent, m.same, m.group = flags % 32 >= NO_LAST_AGENT, flags % 64 >= SAME, flags % 128 >= GROUPED and a[#a]
        m.asks = flags >= ASKS
        m.targeted, m.fresh, m.number = m.mode % 2 == TARGETED, m.mode % 4 >= FRESH, m.mode % 8 >= NUMBER
        m.bot, m.alarm = m.mode % 16 >= BOT, m.mode >= ALARM
        m.thread, m.t, m.address, m.joins, m.also_joins, m.asleep, m.created = nil, nil, nil, nil, nil, nil, nil
        m.touch, m.name_differs, m.before, m.lead, m.doubt = nil, nil, '', nil, nil
        m.lt = nil
    end

    -- Language, topic, area, name: taken apart when they are needed.
    local function details(a)
        if not m.lt then
            m.lt, m.ls, m.topic, m.area, m.name = string.match(a[7], '^(.-)\t(.-)\t(.-)\t(.-)\t(.*)$')
        end
    end

    local function answer(how, thread, contact, seq, flags, version)
        return pack('>c1c8c8I4BI4', how, thread, contact, seq, flags, version)
    end

    -- Sets of fields that are left out when they are empty.
    local function field(list, name, value)
        if value ~= '' then
            local n = #list
            list[n + 1], list[n + 2] = name, value
        end
    end

    local function language(list, m, lh)
        if m.lh > 0 and m.lh >= lh then
            local n = #list
            list[n + 1], list[n + 2], list[n + 3] = 'lt', m.lt, 'ls'
            list[n + 4], list[n + 5], list[n + 6] = m.ls, 'lh', int(m.lh)
            return true
        end
    end

    local function new_thread(K, m, id, contact, kid, area, last_agent)
        local now = int(m.now)
        local set = {'c', contact, 'k', kid, 'cl', int(m.cl), 'st', '1', 'n', '1', 'v', '1', 'lm', now, 'li', '1', 'wt', now, 'op', now,
            'ch', m.channel, 'fa', m.blind}
        language(set, m, 0)
        field(set, 'tp', m.topic)
        field(set, 'ar', area)
        field(set, 'la', last_agent)
        if m.pr ~= 0 then
            field(set, 'pr', int(m.pr))
        end
        if m.no_last_agent then
            field(set, 'nl', '1')
        end
        if m.doubt then
            field(set, 'du', m.doubt_said)
        elseif not m.created and P.several(K, contact, id) then
            field(set, 'sv', '1')
        end
        call('HSET', K .. 'thread:' .. id, unpack(set))
        if m.bot then
            P.bot_begins(K, id, m.now)
        else
            call('ZADD', K .. 'waiting', now, id)
        end
        m.version = 1
    end

    -- What only some messages change: language, topic, priority, channel, address. Returns why the thread has changed.
    local function change_thread(K, m, key, set)
        local t, why = call('HMGET', key, 'lt', 'ls', 'lh', 'tp', 'pr', 'ch', 'fa', 'nl'), P.WHY_NONE
        local lh = tonumber(t[3]) or 0
        if m.lt ~= (t[1] or '') or m.ls ~= (t[2] or '') or m.lh > lh then
            why = language(set, m, lh) and P.WHY_LANGUAGE or why
        end
        if m.topic ~= '' and (t[4] or '') == '' then
            field(set, 'tp', m.topic)
            why = P.WHY_TOPIC
        end
        if m.pr > (tonumber(t[5]) or 0) then
            field(set, 'pr', int(m.pr))
            why = P.WHY_PRIORITY
        end
        if m.no_last_agent and not t[8] then
            field(set, 'nl', '1')
        end
        if m.kind ~= DELETION and m.kind ~= REACTION then
            if m.channel ~= t[6] then
                field(set, 'ch', m.channel)
            end
            if m.blind ~= t[7] then
                field(set, 'fa', m.blind)
                m.touch = true
            end
        end
        return why
    end

    local numbers = {'c', 'cl', 'st', 'n', 'v', 'lm', 'as', 'ar', 'cx', 'sv', 'du', 'ch'}
    local function read_thread(K, id)
        return call('HMGET', K .. 'thread:' .. id, unpack(numbers))
    end

    -- The number of the entry, and why the thread has changed.
    local function add_to_thread(K, m, id, a)
        local key, t, why = K .. 'thread:' .. id, m.t or read_thread(K, id), P.WHY_NONE
        local n, version = (tonumber(t[4]) or 0) + 1, tonumber(t[5]) or 0
        local seq = int(n)
        m.time, m.version = math.max(m.now, tonumber(t[6]) or 0), version + 1
        local set = {'n', seq, 'v', int(version + 1), 'lm', int(m.time), 'li', seq}
        m.same = m.same and version == m.believed_version
        if not m.same then
            details(a)
            why = change_thread(K, m, key, set)
        end
        call('HSET', key, unpack(set))
        m.state, m.assignee, m.area_now = tonumber(t[3]) or 0, t[7] or '', t[8] or ''
        if m.state == P.BOT then
            P.bot_hears(K, id, m.now)
        end
        return n, why
    end

    local function new_contact(K, m, contact, a)
        local set = {'k', a[8], 'v', '1'}
        if not m.thread then
            field(set, 'o' .. m.cl, m.new_thread)
            field(set, 'T', m.new_thread)
        end
        language(set, m, 0)
        field(set, 'u', m.sums)
        field(set, 'ar', m.area)
        field(set, 'N', m.name)
        field(set, 'p', a[11] or '')
        field(set, 'a' .. m.blind, a[9])
        if m.has_also then
            field(set, 'a' .. m.also, a[10] or '')
        end
        call('HSET', K .. 'contact:' .. contact, unpack(set))
        call('HINCRBY', K .. 'counts', 'contacts', '1')
    end

    -- Whoever begins anew under a number with another name or language than theirs may be somebody else.
    local SET = 2 -- enum store_how
    local function contradicts(c)
        if m.name ~= '' and c[5] and c[5] ~= '-' and c[5] ~= m.name then
            return 'name'
        elseif m.lh > 0 and m.lt ~= '' and (tonumber(c[3]) or 0) >= SET and (c[1] or '') ~= '' and c[1] ~= m.lt then
            return 'language'
        end
    end

    local function change_profile(m, a, c, set)
        if m.lt ~= (c[1] or '') or m.ls ~= (c[2] or '') or m.lh > (tonumber(c[3]) or 0) then
            language(set, m, tonumber(c[3]) or 0)
        end
        if (a[11] or '') ~= '' and not c[5] and not c[6] then
            field(set, 'p', a[11])
            field(set, 'N', m.name)
        elseif m.name ~= '' and c[5] ~= m.name and c[5] ~= '-' then
            m.name_differs = true
        end
    end

    -- A known contact: language, name, a new thread, addresses that joined.
    local function change_contact(K, m, key, contact, a, set)
        local c = call('HMGET', key, 'lt', 'ls', 'lh', 'u', 'N', 'p')
        if m.number and not m.thread and not m.doubt then
            m.doubt = contradicts(c)
        end
        if not m.doubt then
            change_profile(m, a, c, set)
        end
        if not m.thread then
            local list = m.new_thread .. (call('HGET', key, 'T') or '')
            field(set, 'T', sub(list, 1, 400))
            if m.doubt then
                m.doubt_said = P.doubt_said(K, contact, m.cl, m.doubt)
                P.doubt_begins(K, contact, m.new_thread, m.lead, m.doubt, m.channel, set)
            else
                field(set, 'o' .. m.cl, m.new_thread)
            end
        end
        if m.joins then
            field(set, 'a' .. m.blind, a[9])
        end
        if m.also_joins then
            field(set, 'a' .. m.also, a[10])
        end
        if m.joins or m.also_joins then
            P.event(K, m.now, P.EV_CONTACT, {'c', contact, 'w', 'addresses', 'x', PERSON})
            P.audit(K, PERSON, 'contact.address', 'contact:' .. P.hex(contact), m.channel, m.cl)
        end
    end

    local function touch_contact(K, m, contact, a)
        local key, set = K .. 'contact:' .. contact, {}
        if not m.doubt then
            field(set, 'u', m.sums)
        end
        if not (m.same and m.thread) or m.joins or m.also_joins then
            details(a)
            change_contact(K, m, key, contact, a, set)
        end
        if #set > 0 then
            call('HSET', key, unpack(set))
        end
    end

    -- The address's own record: written when it is new, on another channel, back from being blocked, or an hour old.
    local function touch_address(K, m, contact)
        local v = m.address
        local flags = v and byte(v, 9) or 0
        local now_flags = (m.verified or flags % 2 == 1) and P.VERIFIED or 0
        local old = v and (unpack_s('>I4', v, 10)) or 0
        if flags >= P.DOUBTED or m.doubt and (not v or m.doubt == 'name' or m.doubt == 'language') then
            now_flags = now_flags + P.DOUBTED
        end
        if m.doubt and v then -- it goes on telling of the one who is known: where and when they wrote
            if flags ~= now_flags then
                P.addr_put(K, old * 1000, m.blind, contact, now_flags, sub(v, 14))
            end
        elseif not v or m.touch or flags ~= now_flags or m.now / 1000 - old > 3600 or sub(v, 14) ~= m.channel then
            P.addr_put(K, m.now, m.blind, contact, now_flags, m.channel)
        end
        if m.has_also and (m.also_joins or m.created) then
            P.addr_put(K, m.now, m.also, contact, now_flags, m.channel)
        end
    end

    -- Finds who writes: the contact (nil for a new one) and which addresses join them.
    local function who(K, a)
        local contact, second, v2
        contact, m.address = P.addr_get(K, m.blind)
        m.lead = m.address
        if m.has_also then
            second, v2 = P.addr_get(K, m.also)
            m.lead = m.address or v2
            m.joins = not contact and second ~= nil and (a[9] or '') ~= ''
            m.also_joins = not second and contact ~= nil and (a[10] or '') ~= ''
        end
        return contact or second
    end

    -- Thread and number of the entry when this id was taken before.
    local function seen(K, contact)
        if m.per_sender then
            return contact and call('HGET', K .. 'refs:' .. contact, m.id)
        end
        local v
        v, m.seen_key, m.seen_n = P.seen_get(K, m.now, m.sel, m.id, m.forever)
        return v
    end

    -- The thread that takes it: nil for a new one. False when the caller believed otherwise.
    local function choose(K, contact)
        if m.targeted then -- the thread of what is edited
            m.t = read_thread(K, m.expected)
            return m.t[1] == contact and tonumber(m.t[2] or 0) == m.cl and m.expected
        end
        if contact and m.expected ~= NONE8 then -- unresolved: then it is the one
            local t = read_thread(K, m.expected)
            local st = t[3] or '5'
            if t[1] == contact and (t[2] or '0') == int(m.cl) and st ~= '5' and st ~= '4' and not t[11] == not m.doubt
                and (not m.doubt or t[12] == m.channel) then
                m.t = t
                return (m.fresh or not t[10]) and m.expected
            end
        end
        local o
        if m.doubt then
            o = P.doubted(K, m.now, contact, m.channel, m.cl, m.reopen * 1000)
        else
            o = contact and P.newest(K, contact, m.cl, m.fresh)
        end
        if o == true then
            return false
        end
        local t = o and call('HMGET', K .. 'thread:' .. o, 'st', 'rs', 'la')
        m.before = t and t[3] or ''
        if t and t[1] and P.usable(t[1], t[2], m.now, m.reopen * 1000) then
            m.asleep = t[1] == tostring(P.RESOLVED) or t[1] == tostring(P.SNOOZED)
            return o == m.expected and o
        end
        if contact and not m.doubt and m.before == '' then
            m.before = P.person_agent(K, contact, m.cl)
        end
        return m.expected == NONE8 and nil
    end

    local function media(K, thread, seq, a)
        for i = 12, m.group and #a - 1 or #a do
            local item = pack('>c8I4B', thread, seq, i - 12)
            call('HSET', K .. 'mediaj', item, a[i])
            call('ZADD', K .. 'media', int(m.now), item)
        end
    end

    local function wake(K)
        if m.kind == DELETION or m.kind == REACTION then
            return false
        end
        return P.thread_wakes(K, m.thread, m.now, PERSON)
    end

    -- Contact and thread: number of the entry, why the thread has changed, flags of the answer.
    local function person_and_thread(K, contact, thread, a)
        local flags, seq, why = 0, 1, P.WHY_OPENED
        if m.thread then
            flags = m.asleep and wake(K) and 4 or 0
            seq, why = add_to_thread(K, m, thread, a)
        end
        if m.created then
            details(a)
            new_contact(K, m, contact, a)
            flags = flags + 1
        else
            touch_contact(K, m, contact, a)
            flags = flags + (m.name_differs and 8 or 0)
        end
        if not m.thread then
            local c = m.created and {a[8], m.area} or call('HMGET', K .. 'contact:' .. contact, 'k', 'ar')
            m.area_now = m.area ~= '' and m.area or c[2] or ''
            new_thread(K, m, thread, contact, c[1], m.area_now, m.before)
            flags = flags + 2
        end
        return seq, why, flags
    end

    -- What assigning and counting look at, so that they need not read the new thread: language, topic, last agent, priority, '1' when it
    -- must not go to the last one.
    local function opened()
        return '\t' .. (m.lh > 0 and m.lt or '') .. '\t' .. m.topic .. '\t' .. m.before .. '\t' .. int(m.pr) .. (m.no_last_agent and '\t1' or '')
    end

    local function store(K, contact, a)
        m.time, m.state, m.assignee = m.now, m.bot and P.BOT or P.WAITING, ''
        m.created = contact == nil
        contact = contact or m.new_contact
        local thread = m.thread or m.new_thread
        local seq, why, flags = person_and_thread(K, contact, thread, a)
        touch_address(K, m, contact)
        if m.cl > 0 and not m.created and not m.doubt and m.kind == MESSAGE then
            P.bot_gives_way(K, contact, m.cl, m.now)
        end
        call('HSET', K .. 'log:' .. thread, int(seq), P.log_value(m.time, m.entry, m.words))
        call('ZADD', K .. 'threads', int(m.time), thread)
        local value = pack('>c8I4', thread, seq)
        if m.per_sender then
            call('HSET', K .. 'refs:' .. contact, m.id, value)
        else
            P.seen_put(m.now, m.seen_key, m.seen_n, m.id, value, m.forever)
        end
        if m.group then
            P.album_put(K, m.now, m.group, value, m.forever)
        end
        media(K, thread, seq, a)
        P.entry_event(K, m.now, thread, contact, seq, m.kind + 8 + 16 * m.cl, m.state, 0, why, m.node,
            m.assignee .. '\tperson\t' .. m.channel .. '\t' .. m.area_now .. (m.thread and '' or opened()))
        if m.alarm then
            P.alarm(K, m.now, thread, seq)
        end
        if m.cl > 0 then
            P.audit(K, PERSON, 'entry.in', 'thread:' .. P.hex(thread), m.channel .. ' ' .. int(seq), m.cl)
        end
        return answer('N', thread, contact, seq, flags, m.version)
    end

    -- What `known` tells, and the entry that asked for a choice, since what may answer it has to be looked at first: thread, number, value.
    local function asked(K, a)
        local out = known(K, m.now, m.blind, m.has_also and m.also or '', m.reopen * 1000, nil, m.number and m.channel)
        out[21], out[22], out[23] = m.thread, m.t[9], call('HGET', K .. 'log:' .. m.thread, m.t[9]) or ''
        return out
    end

    -- Answers what `known` does when the caller believes what is no longer so; else 'N' (or 'D': it was there already), thread 8, contact 8,
    -- number 4, flags (1 new contact, 2 new thread, 4 reopened, 8 the provider's name differs from the one kept), version of the thread 4.
    -- 'P': some ids of an album were taken before, the version is a bit for each; 'G': it belongs into this entry (album_add).
    -- 1 what has a fixed size (parse), 2 the id's hash, 3 entry, 4 channel, 5 words, 6 sums, 7 language, script, topic, area, name's hash with
    -- tabs between; as far as they are needed 8 key id of a new contact, 9 address, 10 also, 11 profile (sealed), 12… media jobs (sealed),
    -- the last an album's (album.lua)
    P.reg('ingest', function(K, a)
        parse(a)
        local contact = who(K, a)
        local was = seen(K, contact)
        local special = m.group and P.album_seen(K, m.now, m.group, was, contact, m.forever)
        if special then
            return special
        elseif was then
            return answer('D', sub(was, 1, 8), contact or NONE8, (unpack_s('>I4', was, 9)), 0, 0)
        end
        local believed = (contact or NONE8) == m.contact
        if believed then
            m.doubt = m.number and contact and P.doubt(K, m.now, contact, m.lead, m.channel)
            m.thread = choose(K, contact)
        end
        if not believed or m.thread == false or (not m.thread
            and call('EXISTS', K .. 'thread:' .. m.new_thread, K .. 'contact:' .. m.new_contact) > 0) then
            return known(K, m.now, m.blind, m.has_also and m.also or '', m.reopen * 1000, nil, m.number and m.channel)
        end
        if m.asks and m.thread then
            m.t = m.t or read_thread(K, m.thread)
            if m.t[9] then
                return asked(K, a)
            end
        end
        return store(K, contact, a)
    end)
end
