-- SPDX-License-Identifier: Apache-2.0
-- The outbox of a channel, for the holder of its lease. Nothing is popped: an item stays in its recipient's list until its end is known, and that it
-- was begun is on disk before the provider is called. outf: channel → fence of the newest holder; older ones are refused.
-- dead:<channel>: stream, field i: thread 8, number 4; deadi:<channel>: item → its id there.
do
    local int = P.int
    local STORED, FAILED = 0, 4
    local SENT_RANK = 2
    local DEAD_MS = 90 * P.DAY_MS

    local function fenced(K, channel, fence)
        return tonumber(call('HGET', K .. 'outf', channel) or 0) > tonumber(fence)
    end

    local function queue_key(K, channel, blind)
        return K .. 'outq:' .. channel .. ':' .. blind
    end

    -- channel fence blind…: a holder begins, or has lost an answer: all but the recipients named are due again.
    P.reg_full('out_open', function(K, a)
        local channel, fence = a[1], a[2]
        if fenced(K, channel, fence) then
            return P.err('FENCED')
        end
        call('HSET', K .. 'outf', channel, fence)
        local keep, now = {}, int(P.now())
        for i = 3, #a do
            keep[a[i]] = true
        end
        for _, blind in ipairs(call('ZRANGE', K .. 'outl:' .. channel, 0, -1)) do
            if not keep[blind] then
                call('ZADD', K .. 'out:' .. channel, now, blind)
                call('ZREM', K .. 'outl:' .. channel, blind)
            end
        end
        return redis.status_reply('OK')
    end)

    -- What a node needs to send one: item 12, blind, entry, status, progress, contact, key id, sealed address, status of the target. False:
    -- since it was written it has become unsafe to reach the person there.
    local function describe(K, channel, item, blind)
        local thread, seq = sub(item, 1, 8), int((unpack_s('>I4', item, 9)))
        local log = call('HMGET', K .. 'log:' .. thread, seq, 's' .. seq, 'p' .. seq)
        if not log[1] or not log[2] then
            return nil
        end
        local t = call('HMGET', K .. 'thread:' .. thread, 'c', 'k')
        local c = t[1] and call('HMGET', K .. 'contact:' .. t[1], 'a' .. blind, 'un', 'me') or {}
        local flags, target = byte(log[1], 9), ''
        if (c[2] or c[3]) and flags % 32 < 16 and P.unsafe(K, t[1], channel) then -- asked where there is something to ask
            return false
        end
        if flags % 8 >= 4 then
            local at = 11 + byte(log[1], 10)
            at = at + 1 + byte(log[1], at)
            target = call('HGET', K .. 'log:' .. sub(log[1], at, at + 7), 's' .. int((unpack_s('>I4', log[1], at + 8)))) or ''
        end
        return {item, blind, log[1], log[2], log[3] or '', t[1] or '', t[2] or '', c[1] or '', target}
    end

    -- The recipient has an item less; what is next is due at once.
    local function done_with(K, channel, blind, now)
        local key = queue_key(K, channel, blind)
        call('LTRIM', key, 1, -1)
        if call('EXISTS', key) == 1 then
            call('ZADD', K .. 'out:' .. channel, int(now), blind)
        else
            call('ZREM', K .. 'out:' .. channel, blind)
        end
        call('ZREM', K .. 'outl:' .. channel, blind)
    end

    local function fails(K, channel, item, blind, now)
        local key, seq = K .. 'log:' .. sub(item, 1, 8), int((unpack_s('>I4', item, 9)))
        local s = P.status_read(call('HGET', key, 's' .. seq))
        s.begun, s.error = false, ''
        P.status_raise(s, P.rank_of[FAILED])
        s.sent = math.floor(now / 1000)
        call('HSET', key, 's' .. seq, P.status_write(s))
        call('HDEL', key, 'p' .. seq)
        done_with(K, channel, blind, now)
        P.status_told(K, now, sub(item, 1, 8), tonumber(seq), s, '\0\0')
    end

    -- channel fence count: {ms until the next is due or -1, {item…}…}; the recipients are leased.
    P.reg_full('out_take', function(K, a)
        local channel = a[1]
        if fenced(K, channel, a[2]) then
            return P.err('FENCED')
        end
        local now, key, out = P.now(), K .. 'out:' .. channel, {-1}
        for _, blind in ipairs(call('ZRANGEBYSCORE', key, '-inf', int(now), 'LIMIT', 0, a[3])) do
            local item = call('LINDEX', queue_key(K, channel, blind), 0)
            local d = item and describe(K, channel, item, blind)
            if d == false then
                fails(K, channel, item, blind, now)
            elseif d then
                call('ZREM', key, blind)
                call('ZADD', K .. 'outl:' .. channel, int(now), blind)
                out[#out + 1] = d
            else
                done_with(K, channel, blind, now) -- the entry was erased meanwhile
            end
        end
        local next = call('ZRANGE', key, 0, 0, 'WITHSCORES')
        if next[2] then
            out[1] = math.max(0, tonumber(next[2]) - now)
        end
        return out
    end)

    -- The holder's item must be its recipient's first.
    local function check(K, a)
        if fenced(K, a[1], a[2]) then
            return P.err('FENCED')
        elseif call('LINDEX', queue_key(K, a[1], a[4]), 0) ~= a[3] then
            return P.err('NOT_FOUND it is no longer in the outbox')
        end
    end

    local function place(K, item)
        return K .. 'log:' .. sub(item, 1, 8), int((unpack_s('>I4', item, 9)))
    end

    -- channel fence item blind
    P.reg_full('out_begin', function(K, a)
        local e = check(K, a)
        if e then
            return e
        end
        local key, seq = place(K, a[3])
        local s = P.status_read(call('HGET', key, 's' .. seq))
        s.begun, s.tries = true, math.min(255, s.tries + 1)
        call('HSET', key, 's' .. seq, P.status_write(s))
        return s.tries
    end)

    -- channel fence item blind progress (sealed)
    P.reg_full('out_progress', function(K, a)
        local e = check(K, a)
        if e then
            return e
        end
        local key, seq = place(K, a[3])
        call('HSET', key, 'p' .. seq, a[5])
        return redis.status_reply('OK')
    end)

    -- Ids that the provider gave: known from now on; what came early for them is applied. Returns errors that came early: {part, sealed, …}.
    local function take_ids(K, now, m, s, ids)
        local early = {}
        for part, id in ipairs(ids) do
            P.sent_put(K, now, sub(id, 1, 3), sub(id, 4), pack('>c8I4BB', sub(m.item, 1, 8), m.seq, s.attempt, part))
            s.parts[part] = SENT_RANK
        end
        for part, id in ipairs(ids) do
            local key = K .. 'early:' .. sub(id, 4)
            local e = call('HMGET', key, 'r', 'e')
            if e[1] then
                P.status_part(s, part, tonumber(e[1]), '')
                early[#early + 1], early[#early + 2] = part, e[2] or ''
                call('DEL', key)
            end
        end
        return early
    end

    local function bury(K, now, channel, item)
        local id = call('XADD', K .. 'dead:' .. channel, 'MINID', '~', int(now - DEAD_MS), '*', 'i', item)
        call('HSET', K .. 'deadi:' .. channel, item, id)
    end

    function P.unbury(K, channel, item)
        local id = call('HGET', K .. 'deadi:' .. channel, item)
        if id then
            call('XDEL', K .. 'dead:' .. channel, id)
            call('HDEL', K .. 'deadi:' .. channel, item)
        end
    end

    local function mark_blocked(K, blind)
        local contact, v = P.addr_get(K, blind)
        if contact then
            P.address_block(K, blind, v, true)
        end
    end

    -- channel fence item blind status retry_ms dead blocked error ids (sealed) node, then selector+hash per id
    P.reg_full('out_result', function(K, a)
        local e = check(K, a)
        if e then
            return e
        end
        local now, key, seq = P.now(), place(K, a[3])
        local m = {item = a[3], seq = tonumber(seq)}
        local s = P.status_read(call('HGET', key, 's' .. seq))
        local before, ids, early = s.status, {}, {}
        s.begun, s.error = false, a[9]
        for i = 12, #a do
            ids[#ids + 1] = a[i]
        end
        if tonumber(a[5]) == STORED then
            call('HSET', key, 's' .. seq, P.status_write(s))
            call('ZADD', K .. 'out:' .. a[1], a[6], a[4])
            call('ZREM', K .. 'outl:' .. a[1], a[4])
            return {}
        end
        s.ids = a[10]
        P.status_raise(s, P.rank_of[tonumber(a[5])])
        s.sent = math.floor(now / 1000)
        early = take_ids(K, now, m, s, ids)
        call('HSET', key, 's' .. seq, P.status_write(s))
        call('HDEL', key, 'p' .. seq)
        done_with(K, a[1], a[4], now)
        if a[7] == '1' and s.status == FAILED then
            bury(K, now, a[1], a[3])
        end
        if a[8] == '1' then
            mark_blocked(K, a[4])
        end
        if s.status ~= before then
            P.status_told(K, now, sub(a[3], 1, 8), m.seq, s, a[11])
        end
        return early
    end)

    -- thread number error (sealed): for an error that came early
    P.reg_full('status_error', function(K, a)
        local key, field = K .. 'log:' .. a[1], 's' .. a[2]
        local v = call('HGET', key, field)
        if v then
            local s = P.status_read(v)
            s.error = a[3]
            call('HSET', key, field, P.status_write(s))
        end
        return redis.status_reply('OK')
    end)

    -- thread number actor node: a failed or unknown message once more
    P.reg('retry', function(K, a)
        local now, key, seq = P.now(), K .. 'log:' .. a[1], a[2]
        local v = call('HMGET', key, seq, 's' .. seq)
        if not v[1] or not v[2] then
            return P.err('NOT_FOUND no such message')
        end
        local s = P.status_read(v[2])
        local _, _, _, channel, blind = P.log_head(v[1])
        if s.status < FAILED or not blind then
            return P.err('CONFLICT it has neither failed nor is it unknown')
        elseif P.unsafe(K, call('HGET', K .. 'thread:' .. a[1], 'c') or '', channel) then
            return P.err('CONFLICT it is not safe to reach the person on this channel')
        elseif s.attempt == 255 then
            return P.err('CONFLICT it was tried too often')
        end
        local item = pack('>c8I4', a[1], tonumber(seq))
        s.status, s.attempt, s.tries, s.begun, s.parts, s.ids, s.error, s.sent = STORED, s.attempt + 1, 0, false, {}, '', '', 0
        call('HSET', key, 's' .. seq, P.status_write(s))
        call('HDEL', key, 'p' .. seq)
        P.unbury(K, channel, item)
        P.out_queue(K, now, channel, blind, item)
        P.status_told(K, now, a[1], tonumber(seq), s, a[4])
        P.audit(K, a[3], 'entry.retry', 'thread:' .. P.hex(a[1]), channel .. ' ' .. seq)
        return redis.status_reply('OK')
    end)

    -- channel before ('' the newest) limit: {id, item, contact, key id, entry, status}…
    P.reg_ro('dead_list', function(K, a)
        local out = {}
        local to = a[2] ~= '' and '(' .. a[2] or '+'
        for _, x in ipairs(call('XREVRANGE', K .. 'dead:' .. a[1], to, '-', 'COUNT', a[3])) do
            local item = x[2][2]
            local key, seq = place(K, item)
            local v = call('HMGET', key, seq, 's' .. seq)
            local t = call('HMGET', K .. 'thread:' .. sub(item, 1, 8), 'c', 'k')
            out[#out + 1] = {x[1], item, t[1] or '', t[2] or '', v[1] or '', v[2] or ''}
        end
        return out
    end)
end
