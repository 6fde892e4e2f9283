-- SPDX-License-Identifier: Apache-2.0
-- What goes out: entries of agents, robots and the system, and the queue of each channel and recipient.
-- s<number> in log:<thread> holds what changes: status 1, attempt 1, tries 1, flags 1 (BEGUN), parts 1, a rank per part, length of the external
-- ids 2, external ids (sealed), error (sealed).
-- outq:<channel>:<blind>: list of what one recipient is to get, oldest first: thread 8, number 4. out:<channel>: zset of recipients by when
-- their first is due; outl:<channel>: those whose first is under way.
do
    local int = P.int
    local PULL, SENDS, CHOICES, DESPITE = 1, 2, 4, 8
    local MESSAGE = 0
    local AGENT = 1 -- enum store_author
    P.NEW_STATUS = '\0\1\0\0\0\0\0'

    function P.out_queue(K, now, channel, blind, item)
        if call('RPUSH', K .. 'outq:' .. channel .. ':' .. blind, item) == 1 then
            call('ZADD', K .. 'out:' .. channel, 'NX', int(now), blind)
        end
    end

    -- The newest address of the contact on a channel (or of all that have the channel): blind, or nil.
    local function newest_address(K, contact, channel)
        local best, at = nil, -1
        for _, f in ipairs(call('HKEYS', K .. 'contact:' .. contact)) do
            if #f == 17 and sub(f, 1, 1) == 'a' then
                local owner, v = P.addr_get(K, sub(f, 2))
                local last = owner == contact and sub(v, 14) == channel and (unpack_s('>I4', v, 10)) or -1
                if last > at then
                    best, at = sub(f, 2), last
                end
            end
        end
        return best
    end

    -- Where the entry that is to be changed went: channel and blind. Nothing when it went nowhere (a person's own do not tell from where
    -- they came), an error when there is no such entry, or nothing may go there now: whoever has that address today must not read it.
    local function place_of(K, contact, target)
        local v = call('HGET', K .. 'log:' .. sub(target, 1, 8), int((unpack_s('>I4', target, 9))))
        local channel, blind = nil, nil
        if v then
            channel, blind = select(4, P.log_head(v))
        end
        if not channel then
            return nil, nil, P.err('NOT_FOUND no such entry')
        elseif not blind then
            return nil
        end
        local owner, a = P.addr_get(K, blind)
        if owner ~= contact then
            return nil, nil, P.err('CONFLICT the address where it went is no longer this person\'s')
        elseif byte(a, 9) % 4 >= P.BLOCKED then
            return nil, nil, P.err('CONFLICT the address where it went is blocked')
        end
        return channel, blind
    end

    -- thread channel ('' the thread's) blind ('' choose) no_address target ('' none, thread 8, number 4: it goes where that went): what a node
    -- needs to encrypt: contact, key id, clearance, channel, blind.
    P.reg_ro('write_known', function(K, a)
        local t = call('HMGET', K .. 'thread:' .. a[1], 'c', 'k', 'cl', 'ch', 'fa')
        if not t[1] then
            return P.err('NOT_FOUND no such thread')
        end
        local channel, blind = a[2] ~= '' and a[2] or t[4] or '', a[3]
        local there, theirs, e
        if a[4] ~= '1' and (a[5] or '') ~= '' then
            there, theirs, e = place_of(K, t[1], a[5])
            if e then
                return e
            end
        end
        if a[4] == '1' then
            blind = ''
        elseif there then
            channel, blind = there, theirs
        elseif blind ~= '' then
            if P.addr_get(K, blind) ~= t[1] then
                return P.err('INVALID the address is not this person\'s')
            end
        elseif channel == t[4] and t[5] and P.addr_get(K, t[5]) == t[1] then
            blind = t[5]
        else
            blind = newest_address(K, t[1], channel)
            if not blind then
                return P.err('INVALID the person has no address on this channel')
            end
        end
        return {t[1], t[2], t[3] or '0', channel, blind}
    end)

    local function parse(a)
        local m = {now = P.now(), ref = a[2], entry = a[3], channel = a[4], author_id = a[5], must_hold = a[6], words = a[7]}
        m.thread, m.contact, m.blind, m.kind, m.author, m.cl, m.flags, m.node = unpack_s('>c8c8c16BBBBc2', a[1])
        m.pull, m.sends, m.asks = m.flags % 2 == PULL, m.flags % 4 >= SENDS, m.flags % 8 >= CHOICES
        m.despite = m.flags >= DESPITE
        return m
    end

    local function refused(K, m, t)
        if not t[1] then
            return P.err('NOT_FOUND no such thread')
        elseif m.must_hold ~= '' and (t[7] ~= tostring(P.ASSIGNED) or t[8] ~= m.must_hold) then
            return P.err('CONFLICT the thread is not held by this agent')
        elseif t[1] ~= m.contact or tonumber(t[2] or 0) ~= m.cl then
            return P.err('AGAIN it has changed')
        elseif m.sends and P.unsafe(K, m.contact, m.channel) then
            if m.despite then -- somebody who may has looked and decided
                P.audit(K, m.author_id, 'entry.despite_unsafe', 'thread:' .. P.hex(m.thread), m.channel, m.cl)
                return
            end
            return P.err('CONFLICT it is not safe to reach the person on this channel')
        end
    end

    -- 1 what has a fixed size (parse), 2 hash of the reference or '', 3 entry, 4 channel, 5 author's id, 6 who must hold it or '', 7 words.
    -- 'N' (or 'D': it was there already), thread 8, contact 8, number 4.
    P.reg('write', function(K, a)
        local m = parse(a)
        local key, refs = K .. 'thread:' .. m.thread, K .. 'refs:' .. m.contact
        local was = m.ref ~= '' and call('HGET', refs, m.ref)
        if was then
            return pack('>c1c8c8I4B', 'D', sub(was, 1, 8), m.contact, (unpack_s('>I4', was, 9)), 0)
        end
        local t = call('HMGET', key, 'c', 'cl', 'n', 'v', 'lm', 'fr', 'st', 'as', 'ar', 'cx')
        local e = refused(K, m, t)
        if e then
            return e
        end
        local seq, time = (tonumber(t[3]) or 0) + 1, math.max(m.now, tonumber(t[5]) or 0)
        local set = {'n', int(seq), 'v', int((tonumber(t[4]) or 0) + 1), 'lm', int(time)}
        if m.kind == MESSAGE and m.author == AGENT and not t[6] then
            set[7], set[8] = 'fr', int(time)
        end
        if m.asks then
            set[#set + 1], set[#set + 2] = 'cx', int(seq)
        elseif t[10] and m.kind == MESSAGE and (m.pull or m.sends) then
            call('HDEL', key, 'cx')
        end
        call('HSET', key, unpack(set))
        local entry = {int(seq), P.log_value(time, m.entry, m.words)}
        if m.pull or m.sends then
            entry[3], entry[4] = 's' .. entry[1], P.NEW_STATUS
        end
        call('HSET', K .. 'log:' .. m.thread, unpack(entry))
        call('ZADD', K .. 'threads', int(time), m.thread)
        local item = pack('>c8I4', m.thread, seq)
        if m.ref ~= '' then
            call('HSET', refs, m.ref, item)
        end
        if m.sends then
            P.out_queue(K, m.now, m.channel, m.blind, item)
        end
        P.entry_event(K, m.now, m.thread, m.contact, seq, m.kind + 16 * m.cl, tonumber(t[7]) or 0, 0, P.WHY_NONE, m.node,
            (t[8] or '') .. '\t' .. m.author_id .. '\t' .. m.channel .. '\t' .. (t[9] or ''))
        if m.cl > 0 then
            P.audit(K, m.author_id ~= '' and m.author_id or 'system', 'entry.out', 'thread:' .. P.hex(m.thread), m.channel .. ' ' .. int(seq), m.cl)
        end
        return pack('>c1c8c8I4B', 'N', m.thread, m.contact, seq, 0)
    end)
end
