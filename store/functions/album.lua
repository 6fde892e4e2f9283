-- SPDX-License-Identifier: Apache-2.0
-- Albums: items of one group that come one after the other are one entry. `album:<hash 11>` names it for two minutes. What is told of an
-- album: hash of the group 11 (NULs: none), whether an entry of its own is wanted 1, and for each further id its selector 3, a length 1,
-- its hash.
do
    local int = P.int
    local NONE11, LIFE_MS = ('\0'):rep(11), 120000
    local PERSON = 'person'

    local function ids_of(text)
        local ids, at, sel, id = {}, 13, nil, nil
        while at <= #text do
            sel, id, at = unpack_s('>c3Bc0', text, at)
            ids[#ids + 1] = {sel, id}
        end
        return ids
    end

    -- As `ingest` answers.
    local function answer(how, place, contact, more)
        return pack('>c1c8c8I4BI4', how, sub(place, 1, 8), contact or NONE8, (unpack_s('>I4', place, 9)), 0, more)
    end

    -- A bit for each id that was taken, how many, and an entry that has one; `bit` is worth that of the first.
    local function taken(K, now, ids, bit, forever)
        local bits, n, place = 0, 0, nil
        for _, i in ipairs(ids) do
            local v = P.seen_get(K, now, i[1], i[2], forever)
            if v then
                bits, n, place = bits + bit, n + 1, v
            end
            bit = bit * 2
        end
        return bits, n, place
    end

    local function wanted(K, place, contact)
        local t = call('HMGET', K .. 'thread:' .. sub(place, 1, 8), 'c', 'st')
        local st = tonumber(t[2] or P.RESOLVED)
        return t[1] == contact and st ~= P.SNOOZED and st ~= P.RESOLVED
    end

    -- For ingest: the answer when it is not simply new or known; was: where the first id was taken.
    function P.album_seen(K, now, text, was, contact, forever)
        local ids = ids_of(text)
        local bits, n, place = taken(K, now, ids, 2, forever)
        if was then
            bits, n, place = bits + 1, n + 1, was
        end
        if n > 0 then
            return answer(n > #ids and 'D' or 'P', place, contact, bits)
        end
        local group = sub(text, 1, 11)
        local there = contact and group ~= NONE11 and byte(text, 12) == 0 and call('GET', K .. 'album:' .. group)
        if there and wanted(K, there, contact) then
            return answer('G', there, contact, 0)
        end
    end

    -- For ingest: all ids of a new entry but the first, and its group.
    function P.album_put(K, now, text, place, forever)
        for _, i in ipairs(ids_of(text)) do
            local v, key, n = P.seen_get(K, now, i[1], i[2], forever)
            if not v then
                P.seen_put(now, key, n, i[2], place, forever)
            end
        end
        local group = sub(text, 1, 11)
        if group ~= NONE11 then
            call('SET', K .. 'album:' .. group, sub(place, 1, 12), 'PX', LIFE_MS)
        end
    end

    local function jobs(K, now, thread, seq, from, a)
        for i = 11, #a do
            local item = pack('>c8I4B', thread, seq, from + i - 11)
            call('HSET', K .. 'mediaj', item, a[i])
            call('ZADD', K .. 'media', int(now), item)
        end
    end

    -- What a caption says counts as if it had come alone.
    local function raise(K, now, thread, priority, topic)
        local t = call('HMGET', K .. 'thread:' .. thread, 'pr', 'tp', 'v')
        local why, set
        if topic ~= '' and (t[2] or '') == '' then
            why, set = 'topic', {'tp', topic}
        end
        if priority > (tonumber(t[1]) or 0) then
            why, set = 'priority', {'pr', int(priority), unpack(set or {})}
        end
        if why then
            call('HSET', K .. 'thread:' .. thread, 'v', int((tonumber(t[3]) or 0) + 1), unpack(set))
            P.thread_event(K, now, P.thread(K, thread), why, PERSON)
        end
    end

    -- thread number nonce (12, of the envelope that was read) at (its place) entry words album (all ids) priority topic which (the first
    -- job's place) jobs…: the entry with more in it. AGAIN: it has changed; NOT_FOUND: not into this one.
    P.reg('album_add', function(K, a)
        local now, thread, seq = P.now(), a[1], tonumber(a[2])
        local ids, v = ids_of(a[7]), call('HGET', K .. 'log:' .. thread, a[2])
        local t = call('HMGET', K .. 'thread:' .. thread, 'c', 'as', 'cl', 'ar', 'ch', 'st')
        local bits, n, place = taken(K, now, ids, 1)
        if n > 0 then
            return answer(n == #ids and 'D' or 'P', place, t[1], bits)
        end
        if not v or not t[1] or not wanted(K, thread, t[1]) then
            return P.err('NOT_FOUND no such entry')
        end
        local at = tonumber(a[4])
        if sub(v, at + 1, at + 12) ~= a[3] then
            return P.err('AGAIN it has changed')
        end
        place = pack('>c8I4', thread, seq)
        call('HSET', K .. 'log:' .. thread, a[2], P.log_replace(v, a[5], a[6]))
        P.album_put(K, now, a[7], place)
        jobs(K, now, thread, seq, tonumber(a[10]), a)
        raise(K, now, thread, tonumber(a[8]), a[9])
        P.event(K, now, P.EV_ENTRY_CHANGED, {'t', thread, 'c', t[1], 'q', a[2], 'w', 'album', 'a', t[2] or '', 'cl', t[3] or '0',
            'ar', t[4] or '', 'h', t[5] or '', 'st', t[6] or '0'})
        if (t[3] or '0') ~= '0' then
            P.audit(K, PERSON, 'entry.in', 'thread:' .. P.hex(thread), (t[5] or '') .. ' ' .. a[2], t[3])
        end
        return answer('J', place, t[1], 0)
    end)
end
