-- SPDX-License-Identifier: Apache-2.0
-- What ingest, write and read share: who has an address, which provider id was seen, the packed event of an entry.
do
    local int = P.int

    -- ---- addresses: 4,096 hashes, so that one costs few bytes. Field: blind 16. Value: contact 8, flags 1, last seen 4 (s), channel.
    P.VERIFIED, P.BLOCKED, P.DOUBTED = 1, 2, 4 -- same.lua has the last

    function P.addr_key(K, blind)
        local b = byte(blind, 2)
        return K .. 'addr:' .. sub(blind, 1, 1) .. char(b - b % 16)
    end

    -- The contact's handle and the whole value, or nil.
    function P.addr_get(K, blind)
        local v = call('HGET', P.addr_key(K, blind), blind)
        if v then
            return sub(v, 1, 8), v
        end
    end

    function P.addr_put(K, now, blind, contact, flags, channel)
        call('HSET', P.addr_key(K, blind), blind, pack('>c8BI4', contact, flags, math.floor(now / 1000)) .. channel)
    end

    -- ---- provider ids: hashes of at most CAP fields, so that they stay small and flat; when one is full, ids go to one of its children.
    -- Field: the id's keyed hash (a number). Value: thread 8, number 4, for our own messages also attempt 1, part 1.
    local CAP = 128
    local SEEN_MS, SENT_MS = 8 * P.DAY_MS, 16 * P.DAY_MS

    local function bucket(name, sel, level)
        local a, b, c = byte(sel, 1, 3)
        if level == 1 then
            return name .. char(a % 64)
        elseif level == 2 then
            return name .. char(a, b % 16)
        end
        return name .. char(a, b, c % 16)
    end

    -- The value; or nil, the hash where it belongs and how many that holds.
    local function table_get(name, sel, h)
        for level = 1, 3 do
            local key = bucket(name, sel, level)
            local n = call('HLEN', key)
            if n == 0 then
                return nil, key, 0
            end
            local v = call('HGET', key, h)
            if v then
                return v
            elseif n < CAP or level == 3 then
                return nil, key, n
            end
        end
    end

    local function table_put(key, n, h, value, ends)
        call('HSET', key, h, value)
        if n == 0 and ends then
            call('PEXPIREAT', key, int(ends))
        end
    end

    local function period_get(K, kind, period, sel, h)
        local v, key, n = table_get(K .. kind .. int(period) .. ':', sel, h)
        if v then
            return v
        end
        return table_get(K .. kind .. int(period - 1) .. ':', sel, h), key, n
    end

    -- What came in is known for 8 to 16 days, or for good. v, or nil and where to put it (for P.seen_put).
    function P.seen_get(K, now, sel, h, forever)
        if forever then
            return table_get(K .. 'seen:f:', sel, h)
        end
        return period_get(K, 'seen:', math.floor(now / SEEN_MS), sel, h)
    end

    function P.seen_put(now, key, n, h, value, forever)
        table_put(key, n, h, value, not forever and (math.floor(now / SEEN_MS) + 2) * SEEN_MS)
    end

    -- Ids that providers gave to what we sent: 16 to 32 days.
    function P.sent_get(K, now, sel, h)
        return (period_get(K, 'x:', math.floor(now / SENT_MS), sel, h))
    end

    function P.sent_put(K, now, sel, h, value)
        local period = math.floor(now / SENT_MS)
        local v, key, n = table_get(K .. 'x:' .. int(period) .. ':', sel, h)
        if not v then
            table_put(key, n, h, value, (period + 2) * SENT_MS)
        end
    end

    -- Thread and number of what an external id names, whoever sent it; nil.
    function P.external(K, now, sel, h, contact)
        local v = P.seen_get(K, now, sel, h) or P.sent_get(K, now, sel, h) or P.seen_get(K, now, sel, h, true)
            or (contact and call('HGET', K .. 'refs:' .. contact, h))
        if v then
            return sub(v, 1, 8), (unpack_s('>I4', v, 9))
        end
    end

    -- ---- log:<thread>: entries. Field: number. Value: form 1, time 6, kind 1 (kind | inbound << 3 | author << 4), flags 1 (clearance |
    -- HAS_TARGET | HAS_ADDRESS | 16 sent although it is not safe), channel and author with their lengths, target 12, blind address 16, envelope; in form 2 also its search sets
    -- (words.h) and their length 2: a key or a field of their own would cost more than they do. Moves: see P.event_entry.
    local PLAIN, SEARCHED = 1, 2
    local HAS_TARGET, HAS_ADDRESS = 4, 8
    local SETS_MOST = 65535

    local head_at, head, searched -- many come in one millisecond
    function P.log_value(now, rest, words)
        if now ~= head_at then
            head_at, head, searched = now, pack('>BI6', PLAIN, now), pack('>BI6', SEARCHED, now)
        end
        if not words or words == '' then
            return head .. rest
        end
        return searched .. rest .. words .. pack('>I2', #words)
    end

    -- Its search sets, one behind the other.
    function P.log_words(v)
        if byte(v, 1) ~= SEARCHED then
            return ''
        end
        local n = unpack_s('>I2', v, #v - 1)
        return sub(v, #v - 1 - n, #v - 2)
    end

    -- How many bytes of it that takes.
    function P.log_tail(v)
        return byte(v, 1) == SEARCHED and unpack_s('>I2', v, #v - 1) + 2 or 0
    end

    -- The same entry with another head and envelope and one more search set.
    function P.log_replace(v, rest, more)
        local words = P.log_words(v)
        if #words + #more <= SETS_MOST then
            words = words .. more
        end
        return P.log_value((unpack_s('>I6', v, 2)), rest, words)
    end

    -- time, kind byte, flags, channel, blind address (or nil) of an entry; nil for an event's.
    function P.log_head(v)
        local form, time, kind, flags, n = unpack_s('>BI6BBB', v)
        if form ~= PLAIN and form ~= SEARCHED then
            return nil
        end
        local channel, at = sub(v, 11, 10 + n), 11 + n
        at = at + 1 + byte(v, at)
        if flags % 8 >= HAS_TARGET then
            at = at + 12
        end
        return time, kind, flags, channel, flags % 16 >= HAS_ADDRESS and sub(v, at, at + 15) or nil
    end

    -- ---- events of entries: one packed field, since they are the most. why: the thread was changed by the entry, and how.
    P.WHY_NONE, P.WHY_OPENED, P.WHY_LANGUAGE, P.WHY_TOPIC, P.WHY_PRIORITY = 0, 1, 2, 3, 4
    local function hot(K, now, kind, thread, contact, seq, what, status, attempt, why, node, text)
        call('XADD', K .. 'events', '*', 'e',
            pack('>Bc8c8I4BBBBc2', kind, thread, contact, seq, what, status, attempt, why, node) .. text)
        if now % 64 == 0 then
            call('XTRIM', K .. 'events', 'MINID', '~', P.events_from(K, now))
        end
    end
    -- what: the entry's kind byte without the author | clearance << 4; text: assignee, actor, channel, area with tabs between
    function P.entry_event(K, now, thread, contact, seq, what, state, status, why, node, text)
        hot(K, now, P.EV_ENTRY, thread, contact, seq, what, status + 8 * state, 1, why, node, text)
    end
    function P.status_event(K, now, thread, contact, seq, status, attempt, node, text)
        hot(K, now, P.EV_ENTRY_STATUS, thread, contact, seq, 0, status, attempt, 0, node, text)
    end

    -- ---- which thread of a contact takes what comes ----
    function P.usable(st, rs, now, reopen_ms)
        return st ~= tostring(P.RESOLVED) or now - (tonumber(rs) or 0) <= reopen_ms
    end

    -- Another unresolved thread of that contact and clearance?
    local function other_open(K, t, cl)
        if call('HEXISTS', K .. 'thread:' .. t.id, 'du') == 1 then
            return false
        end
        local o = call('HGET', K .. 'contact:' .. t.c, 'o' .. cl)
        return o and o ~= t.id and call('HGET', K .. 'thread:' .. o, 'st') ~= tostring(P.RESOLVED)
    end

    -- Threads of a person with others of another clearance are marked (sv): which of them takes what comes depends on where was spoken last,
    -- so whoever stores has to have looked just now.
    function P.several(K, contact, id)
        local o, others = call('HMGET', K .. 'contact:' .. contact, 'o0', 'o1', 'o2'), false
        for i = 1, 3 do
            if o[i] and o[i] ~= id then
                others = true
                if call('EXISTS', K .. 'thread:' .. o[i]) == 1 then
                    call('HSET', K .. 'thread:' .. o[i], 'sv', '1')
                end
            end
        end
        return others
    end

    -- The contact's newest thread of a clearance (false: none); true when there are others and the caller does not know.
    function P.newest(K, contact, cl, fresh)
        local o = call('HMGET', K .. 'contact:' .. contact, 'o0', 'o1', 'o2')
        for i = 1, 3 do
            if o[i] and i ~= cl + 1 and not fresh then
                return true
            end
        end
        return o[cl + 1]
    end

    local function mark(K, t)
        if P.several(K, t.c, t.id) then
            call('HSET', K .. 'thread:' .. t.id, 'sv', '1')
        end
    end

    -- A resolved thread is opened by hand.
    function P.on_reopened(K, t)
        if call('HEXISTS', K .. 'thread:' .. t.id, 'du') == 1 then -- apart from the others (same.lua)
            return true
        end
        if other_open(K, t, t.cl) then
            return false
        end
        call('HSET', K .. 'contact:' .. t.c, 'o' .. t.cl, t.id)
        mark(K, t)
        return true
    end

    P.seal_conflict = other_open

    -- t was raised from one clearance to another.
    function P.on_raised(K, t, from, to)
        P.alert_sealed(K, P.now(), t.id, to)
        if call('HEXISTS', K .. 'thread:' .. t.id, 'du') == 1 then
            return
        end
        local key = K .. 'contact:' .. t.c
        if call('HGET', key, 'o' .. from) == t.id then
            call('HDEL', key, 'o' .. from)
        end
        call('HSET', key, 'o' .. to, t.id)
        mark(K, t)
    end
end
