-- SPDX-License-Identifier: Apache-2.0
-- The second factor of users, under the system's prefix. In user:<u>: sf '1' there is one, s its secret (sealed), sa since when, sc the newest
-- step of the clock whose code was taken, r0..r9 hashes of recovery codes (sealed); sp, sq a secret that is not confirmed yet, and since when.
-- step:<SHA-256 of a ticket>: u, g, n wrong codes: the password was right. tryc:<u><place>, trycs:<u>: wrong codes, as try and trys count
-- passwords. trust:<u>: devices that are not asked for a code, by until when.
do
    local int = P.int
    local FREE, MOST_MS, FREE_ALL, MOST_ALL_MS = 4, 900000, 20, 900000 -- who tries codes knows the password
    local TICKET_S, TICKET_CODES, ENROL_MS = 600, 5, 3600000

    local function recovery_fields()
        local f = {}
        for i = 0, 9 do
            f[#f + 1] = 'r' .. i
        end
        return f
    end

    -- {on, since, recovery codes that are left}
    P.reg_ro('second_get', function(K, a)
        local key = K .. 'user:' .. a[1]
        if call('EXISTS', key) == 0 then
            return P.err('NOT_FOUND no such user')
        end
        local v, left = P.fields(key, 'sf', 'sa'), 0
        for _, f in ipairs(recovery_fields()) do
            left = left + call('HEXISTS', key, f)
        end
        return {v.sf, v.sa, left}
    end)

    -- user secret
    P.reg('second_start', function(K, a)
        local key = K .. 'user:' .. a[1]
        if call('EXISTS', key) == 0 then
            return P.err('NOT_FOUND no such user')
        end
        call('HSET', key, 'sp', a[2], 'sq', int(P.now()))
        return redis.status_reply('OK')
    end)

    -- user: the secret that is to be confirmed
    P.reg_ro('second_pending', function(K, a)
        local v = P.fields(K .. 'user:' .. a[1], 'sp', 'sq')
        if v.sp == '' or P.now() - v.sq > ENROL_MS then
            return P.err('NOT_FOUND nothing was begun')
        end
        return v.sp
    end)

    local function codes_put(K, user, a, from)
        local key = K .. 'user:' .. user
        call('HDEL', key, unpack(recovery_fields()))
        for i = 0, 9 do
            call('HSET', key, 'r' .. i, a[from + i])
        end
    end

    -- user pending step session ('' none) actor, ten hashes: it is the second factor from now on, if it is still that one.
    P.reg('second_put', function(K, a)
        local key, now = K .. 'user:' .. a[1], P.now()
        local pending = call('HGET', key, 'sp')
        if not pending or pending ~= a[2] then
            return P.err('CONFLICT another one was begun')
        end
        codes_put(K, a[1], a, 6)
        call('HSET', key, 's', pending, 'sf', '1', 'sa', int(now), 'sc', a[3], 'cm', int(now))
        call('HDEL', key, 'sp', 'sq')
        P.user.anew(K, a[1])
        local session = K .. 'sess:' .. a[4]
        if a[4] ~= '' and call('HGET', session, 'u') == a[1] then
            call('HSET', session, 'g', call('HGET', key, 'g'), 'f', '1')
        end
        P.audit(K, a[5], 'user.second', 'user:' .. P.hex(a[1]), 'on')
        return P.user.record(K, a[1])
    end)

    -- user actor, ten hashes
    P.reg('second_codes', function(K, a)
        if call('HGET', K .. 'user:' .. a[1], 'sf') ~= '1' then
            return P.err('NOT_FOUND there is no second factor')
        end
        codes_put(K, a[1], a, 3)
        call('HSET', K .. 'user:' .. a[1], 'cm', int(P.now()))
        P.audit(K, a[2], 'user.recovery', 'user:' .. P.hex(a[1]), 'new')
        return redis.status_reply('OK')
    end)

    -- user actor: the record. All sessions end, and no device is trusted.
    P.reg_full('second_reset', function(K, a)
        local key = K .. 'user:' .. a[1]
        if call('EXISTS', key) == 0 then
            return P.err('NOT_FOUND no such user')
        end
        call('HDEL', key, 'sf', 's', 'sa', 'sc', 'sp', 'sq', unpack(recovery_fields()))
        call('HSET', key, 'cm', int(P.now()))
        call('DEL', K .. 'trycs:' .. a[1])
        P.user.anew(K, a[1])
        P.audit(K, a[2], 'user.second', 'user:' .. P.hex(a[1]), 'reset')
        return P.user.record(K, a[1])
    end)

    -- hash user changed: a ticket of somebody whose password was right
    P.reg_full('second_begin', function(K, a)
        local u = P.fields(K .. 'user:' .. a[2], 'g', 'ds', 'cm')
        if u.ds ~= '0' or u.cm ~= a[3] then
            return P.err('AUTH the user changed meanwhile')
        end
        local key = K .. 'step:' .. a[1]
        call('HSET', key, 'u', a[2], 'g', u.g)
        call('EXPIRE', key, TICKET_S)
        return redis.status_reply('OK')
    end)

    -- hash ('' none) user ('' by the ticket) network device recovery ('' by the clock, else which): counts a try before it is made. The
    -- record, the secret, the hash of that recovery code.
    P.reg_full('second_try', function(K, a)
        local user, now, net = a[2], P.now(), a[3] or ''
        local ticket = a[1] ~= '' and K .. 'step:' .. a[1]
        if ticket then
            local t = P.fields(ticket, 'u', 'g')
            if t.u == '' or call('HGET', K .. 'user:' .. t.u, 'g') ~= t.g then
                return P.err('NOT_FOUND sign in again')
            end
            user = t.u
        end
        local device = P.user.listed(K, user, a[4])
        local own, all = K .. 'tryc:' .. user .. (device ~= '' and device or net), K .. 'trycs:' .. user
        local known = device ~= '' or call('ZSCORE', K .. 'from:' .. user, net)
        local wait = math.max(P.user.left_ms(own, now), known and 0 or P.user.left_ms(all, now))
        if wait > 0 then
            return P.err('RATE try again in ' .. int(math.ceil(wait / 1000)) .. ' s')
        end
        if ticket and call('HINCRBY', ticket, 'n', 1) > TICKET_CODES then
            call('DEL', ticket)
            return P.err('NOT_FOUND sign in again')
        end
        P.user.counted(own, now, FREE, MOST_MS)
        if not known then
            P.user.counted(all, now, FREE_ALL, MOST_ALL_MS)
        end
        local r = P.user.record(K, user)
        r[7] = ''
        r[8] = call('HGET', K .. 'user:' .. user, 's') or ''
        r[9] = a[5] ~= '' and call('HGET', K .. 'user:' .. user, 'r' .. a[5]) or ''
        return r
    end)

    -- hash user network device (its name from now on) proven step ('' none) recovery ('' none) trust_ms changed: the code was right; it is
    -- taken only once.
    P.reg_full('second_good', function(K, a)
        local user, now, key = a[2], P.now(), K .. 'user:' .. a[2]
        local u = P.fields(key, 'sf', 'sc', 'ds', 'cm', 'g')
        if u.sf ~= '1' or u.ds ~= '0' or u.cm ~= a[9] then
            return P.err('AUTH the user changed meanwhile')
        end
        local ticket = a[1] ~= '' and K .. 'step:' .. a[1]
        if ticket and (call('HGET', ticket, 'u') ~= user or call('HGET', ticket, 'g') ~= u.g) then
            return P.err('NOT_FOUND sign in again')
        end
        if a[6] ~= '' then
            if tonumber(a[6]) <= (tonumber(u.sc) or 0) then
                return P.err('AUTH this code was used')
            end
            call('HSET', key, 'sc', a[6])
        elseif call('HDEL', key, 'r' .. a[7]) == 0 then
            return P.err('AUTH this code was used')
        else
            P.audit(K, 'system', 'user.recovery', 'user:' .. P.hex(user), 'used')
        end
        call('DEL', K .. 'tryc:' .. user .. a[3])
        if a[5] ~= '' then
            call('DEL', K .. 'tryc:' .. user .. a[5])
        end
        if ticket then
            call('DEL', ticket)
            P.user.arrived(K, user, now, a[3], a[4])
            if a[4] ~= '' and tonumber(a[8]) > 0 then
                local trust = K .. 'trust:' .. user
                call('ZADD', trust, int(now + tonumber(a[8])), a[4])
                call('ZREMRANGEBYSCORE', trust, '-inf', int(now))
            end
        end
        return redis.status_reply('OK')
    end)

    -- user: somebody who knows the password has shown a wrong code
    P.reg_full('second_wrong', function(K, a)
        P.audit(K, 'system', 'user.code', 'user:' .. P.hex(a[1]), 'wrong')
        return redis.status_reply('OK')
    end)
end
