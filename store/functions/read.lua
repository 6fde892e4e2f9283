-- SPDX-License-Identifier: Apache-2.0
-- Reading: threads, entries, contacts, a person's own history, search candidates. And the small changes of what was written: an entry's new
-- ciphertext, a profile, an address that is forgotten, media that was fetched.
do
    local int = P.int

    P.reg_ro('threads', function(K, a)
        local out = {}
        for i, id in ipairs(a) do
            out[i] = call('HGETALL', K .. 'thread:' .. id)
        end
        return out
    end)

    -- thread from to: contact, key id, clearance, the thread's last number, then number, entry, status of each.
    P.reg_ro('entries', function(K, a)
        local t = call('HMGET', K .. 'thread:' .. a[1], 'c', 'k', 'cl', 'n')
        if not t[1] then
            return P.err('NOT_FOUND no such thread')
        end
        local out = {t[1], t[2], t[3] or '0', t[4] or '0'}
        local from, to = tonumber(a[2]), math.min(tonumber(a[3]), tonumber(t[4]) or 0)
        local fields = {}
        for seq = from, to do
            fields[#fields + 1], fields[#fields + 2] = int(seq), 's' .. int(seq)
        end
        local v = #fields > 0 and call('HMGET', K .. 'log:' .. a[1], unpack(fields)) or {}
        for i = 1, #fields, 2 do
            if v[i] then
                out[#out + 1], out[#out + 2], out[#out + 3] = fields[i], v[i], v[i + 1] or ''
            end
        end
        return out
    end)

    -- contact: its hash, then for each of its addresses blind and the address's own record; of one that was merged also 'me' and the others,
    -- 'T' and the threads of all, 'un' and how it is not safe to reach any
    P.reg_ro('contact', function(K, a)
        local h = call('HGETALL', K .. 'contact:' .. a[1])
        if #h == 0 then
            return P.err('NOT_FOUND no such contact')
        end
        local out = {h}
        for i = 1, #h, 2 do
            if #h[i] == 17 and sub(h[i], 1, 1) == 'a' then
                local blind = sub(h[i], 2)
                local owner, v = P.addr_get(K, blind)
                out[#out + 1], out[#out + 2] = blind, owner == a[1] and v or ''
            elseif h[i] == 'me' then
                local all = P.person(K, a[1], h[i + 1])
                out[#out + 1], out[#out + 2] = 'me', table.concat(all, '', 2)
                out[#out + 1], out[#out + 2] = 'T', P.person_threads(K, all)
                out[#out + 1], out[#out + 2] = 'un', P.unsafe_words(K, all)
            end
        end
        return out
    end)

    P.reg_ro('address', function(K, a)
        return P.addr_get(K, a[1]) or P.err('NOT_FOUND no such address')
    end)

    -- contact version profile ('' as it is) name's hash ('' as it is) language script how ('-' as it is) actor layer (of the profile: p, p1, p2)
    P.reg('contact_patch', function(K, a)
        local key = K .. 'contact:' .. a[1]
        local c = call('HMGET', key, 'v', 'lh')
        if not c[1] then
            return P.err('NOT_FOUND no such contact')
        elseif a[2] ~= c[1] then
            return P.err('AGAIN it has changed')
        end
        local set = {'v', int(tonumber(c[1]) + 1)}
        if a[3] ~= '' then
            set[#set + 1], set[#set + 2] = a[9], a[3]
        end
        if a[4] ~= '' then
            set[#set + 1], set[#set + 2] = 'N', a[4]
        end
        if a[7] ~= '-' then
            if tonumber(a[7]) < (tonumber(c[2]) or 0) then
                return P.err('CONFLICT the person stated the language')
            end
            for i, name in ipairs({'lt', 'ls', 'lh'}) do
                set[#set + 1], set[#set + 2] = name, a[4 + i]
            end
        end
        call('HSET', key, unpack(set))
        P.event(K, P.now(), P.EV_CONTACT, {'c', a[1], 'w', 'profile', 'x', a[8]})
        if a[8] ~= 'person' then
            P.audit(K, a[8], 'contact.patch', 'contact:' .. P.hex(a[1]), '', ({p1 = 1, p2 = 2})[a[9]])
        end
        return redis.status_reply('OK')
    end)

    -- contact version, its profile's layers ('' as it is): what was written about a matter whose clearance was raised
    P.reg_full('contact_lift', function(K, a)
        local key = K .. 'contact:' .. a[1]
        local v = call('HGET', key, 'v')
        if not v then
            return P.err('NOT_FOUND no such contact')
        elseif a[2] ~= v then
            return P.err('AGAIN it has changed')
        end
        local set = {'v', int(tonumber(v) + 1)}
        for i, name in ipairs({'p', 'p1', 'p2'}) do
            if a[2 + i] ~= '' then
                set[#set + 1], set[#set + 2] = name, a[2 + i]
            end
        end
        call('HSET', key, unpack(set))
        P.event(K, P.now(), P.EV_CONTACT, {'c', a[1], 'w', 'profile', 'x', 'system'})
        P.audit(K, 'system', 'contact.lift', 'contact:' .. P.hex(a[1]), '', a[5] ~= '' and 2 or 1)
        return redis.status_reply('OK')
    end)

    -- blind
    P.reg_full('address_forget', function(K, a)
        local contact = P.addr_get(K, a[1])
        if not contact then
            return P.err('NOT_FOUND no such address')
        end
        call('HDEL', P.addr_key(K, a[1]), a[1])
        call('HDEL', K .. 'contact:' .. contact, 'a' .. a[1])
        P.event(K, P.now(), P.EV_CONTACT, {'c', contact, 'w', 'addresses', 'x', 'person'})
        P.audit(K, 'person', 'contact.forget', 'contact:' .. P.hex(contact))
        return redis.status_reply('OK')
    end)

    -- ---- a person's own history on one channel ----

    local MESSAGE, DELETION = 0, 2
    local SCAN = 2000

    local function theirs(v, channel)
        local time, kind, _, ch = P.log_head(v)
        return time and ch == channel and kind % 8 <= DELETION and time
    end

    -- The first number of a thread whose time is not before `time` (times never fall within a thread).
    local function first_since(K, thread, n, time)
        local low, high = 1, n + 1
        while low < high do
            local mid = math.floor((low + high) / 2)
            local v = call('HGET', K .. 'log:' .. thread, int(mid))
            local t = v and byte(v, 1) > 0 and (unpack_s('>I6', v, 2)) or v and tonumber(string.match(v, '^%z(%d+)'))
            if t and t < time then
                low = mid + 1
            else
                high = mid
            end
        end
        return low
    end

    local function add(out, thread, seq, v, s, time)
        out[#out + 1] = {time, thread, seq, v, s or ''}
    end

    local function walk(K, thread, channel, from, to, step, limit, out, budget)
        local key, got = K .. 'log:' .. thread, 0
        for seq = from, to, step do
            if got == limit or budget.n == 0 then
                break
            end
            budget.n = budget.n - 1
            local v = call('HMGET', key, int(seq), 's' .. int(seq))
            local time = v[1] and theirs(v[1], channel)
            if time then
                add(out, thread, seq, v[1], v[2], time)
                got = got + 1
            end
        end
    end

    local function in_order(x, y)
        if x[1] ~= y[1] then
            return x[1] < y[1]
        elseif x[2] ~= y[2] then
            return x[2] < y[2]
        end
        return x[3] < y[3]
    end

    -- blind channel thread number ('' and 0: the newest) limit: contact, key id, then thread, number, entry, status of each, oldest first.
    P.reg_ro('history', function(K, a)
        local contact = P.addr_get(K, a[1])
        if not contact then
            return P.err('NOT_FOUND no such address')
        end
        local limit, after, at = tonumber(a[5]), a[3] ~= '' and a[3] or nil, tonumber(a[4])
        local c = call('HMGET', K .. 'contact:' .. contact, 'k', 'T')
        local list, since, found, budget = c[2] or '', nil, {}, {n = SCAN}
        if after then
            local v = string.find(list, after, 1, true) and call('HGET', K .. 'log:' .. after, int(at))
            since = v and P.log_head(v)
            if not since then
                return P.err('INVALID no such entry')
            end
        end
        for i = 1, #list, 8 do
            local thread = sub(list, i, i + 7)
            local n = tonumber(call('HGET', K .. 'thread:' .. thread, 'n')) or 0
            if not after then
                walk(K, thread, a[2], n, 1, -1, limit, found, budget)
            else
                walk(K, thread, a[2], thread == after and at + 1 or first_since(K, thread, n, since), n, 1, limit, found, budget)
            end
        end
        table.sort(found, in_order)
        local out = {contact, c[1]}
        for i = after and 1 or math.max(1, #found - limit + 1), after and math.min(limit, #found) or #found do
            for j = 2, 5 do
                out[#out + 1] = found[i][j]
            end
        end
        return out
    end)

    -- ---- finding threads ----

    -- Does the thread fit? f: states (digits), assignee, language, topic, channel, area; '*' any.
    local function fits(K, id, f)
        local t = call('HMGET', K .. 'thread:' .. id, 'st', 'as', 'lt', 'tp', 'ch', 'ar', 'c')
        if not t[7] or not string.find(f[1], t[1] or '0', 1, true) then
            return false
        end
        for i = 2, 5 do
            if f[i] ~= '*' and f[i] ~= (t[i] or '') then
                return false
            end
        end
        local ar = t[6] or ''
        return f[6] == '*' or ar == f[6] or sub(ar, 1, #f[6] + 1) == f[6] .. '/'
    end

    local function candidates(K, by, before, offset, count)
        if sub(by, 1, 1) == 'c' then
            local list, ids = call('HGET', K .. 'contact:' .. sub(by, 2), 'T') or '', {}
            for i = 1 + 8 * offset, math.min(#list, 8 * (offset + count)), 8 do
                ids[#ids + 1] = sub(list, i, i + 7)
                ids[#ids + 1] = call('ZSCORE', K .. 'threads', ids[#ids]) or '0'
            end
            return ids
        elseif by == 'w' then
            return call('ZRANGEBYSCORE', K .. 'waiting', '(' .. before, '+inf', 'WITHSCORES', 'LIMIT', offset, count)
        elseif sub(by, 1, 1) == 'a' then
            local held, ids = call('SUNION', K .. 'held:' .. sub(by, 2), K .. 'asleep:' .. sub(by, 2)), {}
            for i = 1 + offset, math.min(#held, offset + count) do
                ids[#ids + 1] = held[i]
                ids[#ids + 1] = call('ZSCORE', K .. 'threads', held[i]) or '0'
            end
            return ids
        end
        return call('ZREVRANGEBYSCORE', K .. 'threads', '(' .. before, '-inf', 'WITHSCORES', 'LIMIT', offset, count)
    end

    -- by ('l' last activity, 'w' waiting since, 'c'..contact, 'a'..agent) before offset count, then the six of `fits`: how many were
    -- looked at, the last one's score and how many of them have it; then id, score, hash of each that fits.
    P.reg_ro('find', function(K, a)
        local ids = candidates(K, a[1], a[2], tonumber(a[3]), tonumber(a[4]))
        local f, out = {a[5], a[6], a[7], a[8], a[9], a[10]}, {#ids / 2, ids[#ids] or '0', 0}
        for i = 1, #ids, 2 do
            out[3] = out[3] + (ids[i + 1] == out[2] and 1 or 0)
            if fits(K, ids[i], f) then
                out[#out + 1], out[#out + 2], out[#out + 3] = ids[i], ids[i + 1], call('HGETALL', K .. 'thread:' .. ids[i])
            end
        end
        return out
    end)

    -- Search sets of threads (8 bytes each, behind each other in a[1]) from a number of the first on: how many threads were read to their end,
    -- the number at which the next goes on, then for each entry that has some the thread's place and its sets. Stops after some bytes,
    -- since entries have to be read for it.
    local READ_MOST, AT_ONCE = 262144, 20
    local function words_from(K, thread, place, from, left, out)
        local n = tonumber(call('HGET', K .. 'thread:' .. thread, 'n')) or 0
        while from <= n do
            local fields = {}
            for seq = from, math.min(n, from + AT_ONCE - 1) do
                fields[#fields + 1] = int(seq)
            end
            for _, v in ipairs(call('HMGET', K .. 'log:' .. thread, unpack(fields))) do
                local words = v and P.log_words(v) or ''
                if words ~= '' then
                    out[#out + 1], out[#out + 2] = place, words
                end
                left = left - (v and #v or 0)
            end
            from = from + #fields
            if left < 0 then
                break
            end
        end
        return from <= n and from or nil, left
    end

    P.reg_ro('words', function(K, a)
        local left, from, out = READ_MOST, tonumber(a[2]), {0, 1}
        for place = 0, #a[1] / 8 - 1 do
            local next_one
            next_one, left = words_from(K, sub(a[1], 8 * place + 1, 8 * place + 8), place, from, left, out)
            if next_one then
                out[2] = next_one
                break
            end
            out[1], from = place + 1, 1
            if left < 0 then
                break
            end
        end
        return out
    end)

    -- ---- changing what is there ----

    -- thread number nonce (12, of the envelope that was read) at (its place) entry ('' leaves) status-as-read status-new why actor: for new
    -- ciphertext of the same entry. why '': no event.
    P.reg_full('entry_replace', function(K, a)
        local key, seq = K .. 'log:' .. a[1], a[2]
        local v = call('HMGET', key, seq, 's' .. seq)
        if not v[1] then
            return P.err('NOT_FOUND no such entry')
        end
        local at = tonumber(a[4])
        if sub(v[1], at + 1, at + 12) ~= a[3] or (v[2] or '') ~= a[6] then
            return P.err('AGAIN it has changed')
        end
        if a[5] ~= '' then
            call('HSET', key, seq, P.log_replace(v[1], a[5], ''))
        end
        if a[7] ~= a[6] then
            call('HSET', key, 's' .. seq, a[7])
        end
        if a[8] ~= '' then
            local t = call('HMGET', K .. 'thread:' .. a[1], 'c', 'as', 'cl', 'ar', 'ch', 'st')
            P.event(K, P.now(), P.EV_ENTRY_CHANGED, {'t', a[1], 'c', t[1] or '', 'q', seq, 'w', a[8], 'a', t[2] or '', 'cl', t[3] or '0',
                'ar', t[4] or '', 'h', t[5] or '', 'st', t[6] or '0'})
        end
        return redis.status_reply('OK')
    end)

    -- thread clearance: every entry has it now
    P.reg_full('resealed', function(K, a)
        if call('HGET', K .. 'thread:' .. a[1], 'cl') == a[2] then
            call('ZREM', K .. 'reseal', a[1])
        end
        return redis.status_reply('OK')
    end)

    -- ---- media that must still be fetched: media zset of items (thread 8, number 4, which 1) by when they are due; mediaj: item → clearance 1,
    -- tries 1, job (sealed)
    local LEASE_MS = 60000

    P.reg_full('media_next', function(K)
        local now = P.now()
        local item = call('ZRANGEBYSCORE', K .. 'media', '-inf', int(now), 'LIMIT', 0, 1)[1]
        if not item then
            return P.err('NOT_FOUND nothing to fetch')
        end
        local thread, seq = sub(item, 1, 8), int((unpack_s('>I4', item, 9)))
        local job = call('HGET', K .. 'mediaj', item)
        local t = call('HMGET', K .. 'thread:' .. thread, 'c', 'k')
        local v = call('HGET', K .. 'log:' .. thread, seq)
        if not job or not t[1] or not v then
            call('ZREM', K .. 'media', item)
            call('HDEL', K .. 'mediaj', item)
            return P.err('AGAIN the entry is gone')
        end
        call('ZADD', K .. 'media', int(now + LEASE_MS), item)
        local tries = math.min(255, byte(job, 2) + 1)
        call('HSET', K .. 'mediaj', item, sub(job, 1, 1) .. char(tries) .. sub(job, 3))
        local _, _, _, channel = P.log_head(v)
        return {item, t[1], t[2], job, channel or ''}
    end)

    -- item retry_ms (0: it is done)
    P.reg_full('media_done', function(K, a)
        if a[2] ~= '0' then
            call('ZADD', K .. 'media', 'XX', a[2], a[1])
        else
            call('ZREM', K .. 'media', a[1])
            call('HDEL', K .. 'mediaj', a[1])
        end
        return redis.status_reply('OK')
    end)
end
