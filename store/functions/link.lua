-- SPDX-License-Identifier: Apache-2.0
-- People by hand: a contact without a message, a thread that an agent opens, addresses linked and unlinked, contacts merged into one person
-- and taken apart again. A merge moves nothing: me of a contact names those that it was merged with (8 bytes each), and a person is whoever
-- is reached over these; each keeps its key, its addresses and its threads, so taking apart restores what was.
do
    local int = P.int
    local MEMBERS_MOST = 16

    local function has(list, id)
        for i = 1, #list, 8 do
            if sub(list, i, i + 7) == id then
                return true
            end
        end
        return false
    end

    local function without(list, id)
        local out = {}
        for i = 1, #list, 8 do
            if sub(list, i, i + 7) ~= id then
                out[#out + 1] = sub(list, i, i + 7)
            end
        end
        return table.concat(out)
    end

    -- All contacts of the person, the one asked for first. merged: its field me, when the caller has it.
    function P.person(K, contact, merged)
        local all, known, at = {contact}, {[contact] = true}, 1
        merged = merged or call('HGET', K .. 'contact:' .. contact, 'me') or ''
        while merged do
            for i = 1, #merged, 8 do
                local id = sub(merged, i, i + 7)
                if not known[id] and #all < MEMBERS_MOST then
                    known[id] = true
                    all[#all + 1] = id
                end
            end
            at = at + 1
            merged = all[at] and (call('HGET', K .. 'contact:' .. all[at], 'me') or '')
        end
        return all
    end

    -- The threads of all of them, newest first, at most 50.
    function P.person_threads(K, all)
        local list, out = {}, {}
        for _, c in ipairs(all) do
            local ids = call('HGET', K .. 'contact:' .. c, 'T') or ''
            for i = 1, #ids, 8 do
                local id = sub(ids, i, i + 7)
                list[#list + 1] = {tonumber(call('HGET', K .. 'thread:' .. id, 'op') or 0), id}
            end
        end
        table.sort(list, function(x, y)
            if x[1] ~= y[1] then
                return x[1] > y[1]
            end
            return x[2] < y[2]
        end)
        for i = 1, math.min(50, #list) do
            out[i] = list[i][2]
        end
        return table.concat(out)
    end

    -- Who holds or held the open thread of another contact of the same person, at that clearance: '' nobody.
    function P.person_agent(K, contact, cl)
        local merged = call('HGET', K .. 'contact:' .. contact, 'me')
        for i, c in ipairs(merged and P.person(K, contact, merged) or {}) do
            local o = i > 1 and call('HGET', K .. 'contact:' .. c, 'o' .. int(cl))
            local t = o and call('HMGET', K .. 'thread:' .. o, 'st', 'la')
            if t and t[1] and t[1] ~= tostring(P.RESOLVED) and (t[2] or '') ~= '' then
                return t[2]
            end
        end
        return ''
    end

    -- Whoever may know of one of its threads may know of a contact.
    local function lowest(K, contact)
        local list, cl = call('HGET', K .. 'contact:' .. contact, 'T') or '', nil
        for i = 1, #list, 8 do
            local own = tonumber(call('HGET', K .. 'thread:' .. sub(list, i, i + 7), 'cl') or 0)
            cl = math.min(cl or own, own)
        end
        return cl or 0
    end

    local function told(K, now, contact, actor, action, detail, cl)
        P.event(K, now, P.EV_CONTACT, {'c', contact, 'w', 'addresses', 'x', actor})
        P.audit(K, actor, action, 'contact:' .. P.hex(contact), detail, cl or lowest(K, contact))
    end

    local function living(K, contact)
        local c = call('HMGET', K .. 'contact:' .. contact, 'k', 'er')
        return c[1] and not c[2]
    end

    -- contact: all of the person, the one asked for first
    P.reg_ro('person', function(K, a)
        if call('EXISTS', K .. 'contact:' .. a[1]) == 0 then
            return P.err('NOT_FOUND no such contact')
        end
        return P.person(K, a[1])
    end)

    -- contact other actor
    P.reg('contact_merge', function(K, a)
        local x, y, now = a[1], a[2], P.now()
        if not living(K, x) or not living(K, y) then
            return P.err('NOT_FOUND no such contact')
        elseif x == y then
            return P.err('INVALID both are one')
        end
        local mine = call('HGET', K .. 'contact:' .. x, 'me') or ''
        if has(mine, y) then
            return redis.status_reply('OK')
        end
        local one, other = P.person(K, x), P.person(K, y)
        local joined = {}
        for _, c in ipairs(one) do
            joined[c] = true
        end
        if not joined[y] and #one + #other > MEMBERS_MOST then
            return P.err('CONFLICT a person has at most 16 contacts')
        end
        call('HSET', K .. 'contact:' .. x, 'me', mine .. y)
        call('HSET', K .. 'contact:' .. y, 'me', (call('HGET', K .. 'contact:' .. y, 'me') or '') .. x)
        local cl = math.max(lowest(K, x), lowest(K, y))
        told(K, now, x, a[3], 'contact.merge', P.hex(y), cl)
        told(K, now, y, a[3], 'contact.merge', P.hex(x), cl)
        return redis.status_reply('OK')
    end)

    local function part(K, x, y)
        local list = without(call('HGET', K .. 'contact:' .. x, 'me') or '', y)
        if list == '' then
            call('HDEL', K .. 'contact:' .. x, 'me')
        elseif call('EXISTS', K .. 'contact:' .. x) == 1 then
            call('HSET', K .. 'contact:' .. x, 'me', list)
        end
    end

    -- contact other actor
    P.reg_full('contact_unmerge', function(K, a)
        local x, y, now = a[1], a[2], P.now()
        if not has(call('HGET', K .. 'contact:' .. x, 'me') or '', y) then
            return P.err('CONFLICT these two were not merged with each other')
        end
        part(K, x, y)
        part(K, y, x)
        local cl = math.max(lowest(K, x), lowest(K, y))
        told(K, now, x, a[3], 'contact.unmerge', P.hex(y), cl)
        told(K, now, y, a[3], 'contact.unmerge', P.hex(x), cl)
        return redis.status_reply('OK')
    end)

    -- Those that an erased contact was merged with forget it.
    function P.person_forgets(K, contact)
        local list = call('HGET', K .. 'contact:' .. contact, 'me') or ''
        for i = 1, #list, 8 do
            part(K, sub(list, i, i + 7), contact)
        end
    end

    -- contact blind address (sealed) channel actor
    P.reg('contact_link', function(K, a)
        local contact, blind, now = a[1], a[2], P.now()
        if not living(K, contact) then
            return P.err('NOT_FOUND no such contact')
        end
        local owner = P.addr_get(K, blind)
        if owner == contact then
            return redis.status_reply('OK')
        elseif owner then -- who tries numbers leaves a line for those who may know of the person
            P.audit(K, a[5], 'contact.asked', 'contact:' .. P.hex(owner), '', lowest(K, owner))
            return P.err('CONFLICT the address leads to somebody else')
        end
        P.addr_put(K, now, blind, contact, 0, a[4])
        call('HSET', K .. 'contact:' .. contact, 'a' .. blind, a[3])
        told(K, now, contact, a[5], 'contact.link', a[4])
        return redis.status_reply('OK')
    end)

    -- contact blind actor
    P.reg_full('contact_unlink', function(K, a)
        local contact, blind, now = a[1], a[2], P.now()
        if P.addr_get(K, blind) ~= contact then
            return P.err('NOT_FOUND no such address')
        end
        call('HDEL', P.addr_key(K, blind), blind)
        call('HDEL', K .. 'contact:' .. contact, 'a' .. blind)
        told(K, now, contact, a[3], 'contact.unlink')
        return redis.status_reply('OK')
    end)

    -- contact key-id blind ('' none) address (sealed) channel profile (sealed, '' none) language how area actor: the contact that there is now;
    -- another one when the address was somebody's.
    P.reg('contact_new', function(K, a)
        local contact, now = a[1], P.now()
        local owner = a[3] ~= '' and P.addr_get(K, a[3])
        if owner then
            return owner
        elseif call('EXISTS', K .. 'contact:' .. contact) == 1 then
            return P.err('AGAIN it is taken')
        end
        local set = {'k', a[2], 'v', '1', 'pv', '1'}
        local function field(name, value)
            if value ~= '' then
                set[#set + 1], set[#set + 2] = name, value
            end
        end
        if a[3] ~= '' then
            field('a' .. a[3], a[4])
            P.addr_put(K, now, a[3], contact, 0, a[5])
        end
        if a[6] ~= '' then
            field('p', a[6])
            field('N', '-')
        end
        if a[7] ~= '' then
            field('lt', a[7])
            field('lh', a[8])
        end
        field('ar', a[9])
        call('HSET', K .. 'contact:' .. contact, unpack(set))
        call('HINCRBY', K .. 'counts', 'contacts', '1')
        told(K, now, contact, a[10], 'contact.new', 'provisional')
        return contact
    end)

    -- contact thread (for a new one) clearance channel blind ('' none) topic area language agent ('' it waits) actor number ('1': whoever it is
    -- was found by an address alone): the thread's handle and '1' when it is new.
    P.reg('thread_new', function(K, a)
        local contact, id, cl, channel, blind, now = a[1], a[2], tonumber(a[3]), a[4], a[5], P.now()
        local key = K .. 'contact:' .. contact
        local c = call('HMGET', key, 'k', 'er', 'T', 'ar', 'o' .. a[3])
        if not c[1] or c[2] then
            return P.err('NOT_FOUND no such contact')
        elseif blind ~= '' and P.addr_get(K, blind) ~= contact then
            return P.err('INVALID the address is not this person\'s')
        elseif a[9] ~= '' and call('EXISTS', K .. 'agent:' .. a[9]) == 0 then
            return P.err('NOT_FOUND no such agent')
        end
        local doubt = a[11] == '1' and (c[3] or '') ~= ''
        local open = not doubt and c[5] and call('HGET', K .. 'thread:' .. c[5], 'st')
        if open and open ~= tostring(P.RESOLVED) then
            return {c[5], ''}
        elseif call('EXISTS', K .. 'thread:' .. id) == 1 then
            return P.err('AGAIN it is taken')
        end
        local set = {'c', contact, 'k', c[1], 'cl', a[3], 'st', '1', 'n', '0', 'v', '1', 'lm', int(now), 'li', '0', 'wt', int(now), 'op', int(now),
            'ch', channel}
        local function field(name, value)
            if (value or '') ~= '' then
                set[#set + 1], set[#set + 2] = name, value
            end
        end
        field('fa', blind)
        field('tp', a[6])
        field('ar', a[7] ~= '' and a[7] or c[4])
        if a[8] ~= '' then
            field('lt', a[8])
            field('lh', '2')
        end
        local list = {'T', sub(id .. (c[3] or ''), 1, 400)}
        if doubt then
            field('du', P.doubt_said(K, contact, cl, 'channel'))
            field('dh', a[10])
            P.doubt_begins(K, contact, id, nil, 'channel', channel, list)
        else
            list[3], list[4] = 'o' .. a[3], id
            field('sv', P.several(K, contact, id) and '1')
        end
        call('HSET', K .. 'thread:' .. id, unpack(set))
        call('HSET', key, unpack(list))
        call('ZADD', K .. 'threads', int(now), id)
        call('ZADD', K .. 'waiting', int(now), id)
        local t = P.thread(K, id)
        P.thread_event(K, now, t, 'opened', a[10], '', P.event_entry(K, id, now, 'opened', a[10], channel))
        P.audit(K, a[10], 'thread.opened', 'thread:' .. P.hex(id), channel, cl)
        if a[9] ~= '' then
            P.move(K, t, P.ASSIGNED, {now = now, actor = a[10], why = 'assigned', agent = a[9]})
        end
        return {id, '1'}
    end)
end
