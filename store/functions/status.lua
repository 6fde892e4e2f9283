-- SPDX-License-Identifier: Apache-2.0
-- Statuses of what we sent. They are compared by (attempt, rank), part by part, and only move up: what a provider proves (delivered) wins over a
-- failure, a failure over sent. One whose id is not known yet waits five minutes in early:<hash> (r rank, e error sealed).
do
    local int = P.int
    local EARLY_MS = 300000
    local BEGUN, TIMED = 1, 2
    local SENT = 1
    -- enum store_status: stored, sent, delivered, read, failed, unknown
    local rank_of = {[0] = 0, 2, 4, 5, 3, 1}
    local status_of = {[0] = 0, 5, 1, 4, 2, 3}
    local FAILED_RANK = 3
    P.rank_of = rank_of

    function P.status_read(v)
        local s = {}
        local n
        s.status, s.attempt, s.tries, s.flags, n = unpack_s('BBBBB', v)
        s.sent = 0
        if s.flags >= TIMED then -- since when it is sent (s), until it is known to have arrived
            s.sent = unpack_s('>I4', v, 6)
            v = sub(v, 1, 5) .. sub(v, 10)
        end
        s.parts = {byte(v, 6, 5 + n)}
        local ids = (unpack_s('>I2', v, 6 + n))
        s.ids = sub(v, 8 + n, 7 + n + ids)
        s.error = sub(v, 8 + n + ids)
        s.begun = s.flags % 2 == BEGUN
        return s
    end

    function P.status_write(s)
        local timed = s.status == SENT and s.sent > 0
        return pack('BBBBB', s.status, s.attempt, s.tries, (s.begun and BEGUN or 0) + (timed and TIMED or 0), #s.parts)
            .. (timed and pack('>I4', s.sent) or '') .. char(unpack(s.parts)) .. pack('>I2', #s.ids) .. s.ids .. s.error
    end

    -- Raises the status by a rank; true when it moved.
    function P.status_raise(s, rank)
        if rank <= rank_of[s.status] then
            return false
        end
        s.status = status_of[rank]
        return true
    end

    -- One part's rank, and what follows for the whole: the least of its parts, failed when one has.
    function P.status_part(s, part, rank, err)
        if rank <= (s.parts[part] or 0) then
            return false
        end
        s.parts[part] = rank
        local all, failed = rank, false
        for _, r in ipairs(s.parts) do
            all = math.min(all, r)
            failed = failed or r == FAILED_RANK
        end
        if err ~= '' and rank == FAILED_RANK then
            s.error = err
        end
        return P.status_raise(s, failed and FAILED_RANK or all)
    end

    function P.status_told(K, now, thread, seq, s, node)
        local t = call('HMGET', K .. 'thread:' .. thread, 'c', 'as', 'ar')
        local v = call('HGET', K .. 'log:' .. thread, int(seq))
        local _, _, _, channel = P.log_head(v or '\0\0\0\0\0\0\0\0\0\0')
        if channel and rank_of[s.status] > rank_of[4] then -- it arrived
            P.guard_told(K, channel)
        end
        P.status_event(K, now, thread, t[1] or NONE8, seq, s.status, s.attempt, node,
            (t[2] or '') .. '\t\t' .. (channel or '') .. '\t' .. (t[3] or ''))
    end

    -- selector+hash: contact, key id, clearance of what the id names, to seal an error for it; '' when it is not known.
    P.reg_ro('status_known', function(K, a)
        local v = P.sent_get(K, P.now(), sub(a[1], 1, 3), sub(a[1], 4))
        if not v then
            return {''}
        end
        local t = call('HMGET', K .. 'thread:' .. sub(v, 1, 8), 'c', 'k', 'cl')
        return {sub(v, 1, 8), (unpack_s('>I4', v, 9)), t[1] or '', t[2] or '', t[3] or '0'}
    end)

    -- selector+hash status error (for it when it is known, else sealed for the operation) node: 1 applied or too old, 0 parked
    P.reg_full('status', function(K, a)
        local now, rank = P.now(), rank_of[tonumber(a[2])]
        local v = P.sent_get(K, now, sub(a[1], 1, 3), sub(a[1], 4))
        if not v then
            local key = K .. 'early:' .. sub(a[1], 4)
            local was = tonumber(call('HGET', key, 'r')) or -1
            if rank > was then
                call('HSET', key, 'r', rank, 'e', a[3])
                call('PEXPIRE', key, EARLY_MS)
            end
            return 0
        end
        local thread, seq, attempt, part = unpack_s('>c8I4BB', v)
        local key, field = K .. 'log:' .. thread, 's' .. int(seq)
        local old = call('HGET', key, field)
        local s = old and P.status_read(old)
        if s and s.attempt == attempt then
            local moved = P.status_part(s, part, rank, a[3])
            local new = P.status_write(s)
            if new ~= old then
                call('HSET', key, field, new)
            end
            if moved then
                P.status_told(K, now, thread, seq, s, a[4])
            end
        end
        return 1
    end)

    -- thread number and_before status node: what the person's page has fetched or shown, on the channel of that entry.
    P.reg_full('status_set', function(K, a)
        local now, thread, first, rank = P.now(), a[1], tonumber(a[2]), rank_of[tonumber(a[4])]
        local key, channel, moved = K .. 'log:' .. thread, nil, 0
        for seq = first, math.max(1, first - (a[3] == '1' and 499 or 0)), -1 do
            local v = call('HMGET', key, int(seq), 's' .. int(seq))
            local _, _, _, ch = P.log_head(v[1] or '\0\0\0\0\0\0\0\0\0\0')
            if not channel then
                if not ch then
                    break
                end
                channel = ch
            end
            if v[2] and ch == channel then
                local s = P.status_read(v[2])
                if not P.status_raise(s, rank) then
                    break
                end
                for i = 1, #s.parts do
                    s.parts[i] = math.max(s.parts[i], rank)
                end
                call('HSET', key, 's' .. int(seq), P.status_write(s))
                P.status_told(K, now, thread, seq, s, a[5])
                moved = moved + 1
            end
        end
        return moved
    end)

    -- blind blocked
    P.reg_full('address_blocked', function(K, a)
        local contact, v = P.addr_get(K, a[1])
        if not contact then
            return P.err('NOT_FOUND no such address')
        end
        P.address_block(K, a[1], v, a[2] == '1')
        P.event(K, P.now(), P.EV_CONTACT, {'c', contact, 'w', 'addresses', 'x', P.PERSON_NAME})
        return redis.status_reply('OK')
    end)

    P.PERSON_NAME = 'person'

    function P.address_block(K, blind, v, blocked)
        local was = byte(v, 9)
        local flags = was % 2 + (blocked and P.BLOCKED or 0) + (was >= P.DOUBTED and P.DOUBTED or 0)
        call('HSET', P.addr_key(K, blind), blind, sub(v, 1, 8) .. char(flags) .. sub(v, 10))
    end
end
