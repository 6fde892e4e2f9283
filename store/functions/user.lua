-- SPDX-License-Identifier: Apache-2.0
-- Users, sessions, tokens: under the system's prefix only. user:<keyed hash of the login> hash: x (sealed record), p (sealed password
-- hash), ds disabled, g generation: a session of an older one is over. sess:<SHA-256 of the secret>: u, g, i (idle time), f (second factor shown), at (signed in).
-- token:<SHA-256>: x (sealed), n (id), lu (last used); tokens: id → SHA-256; tokens:<op>: set of ids. try:<keyed hash of the login><of the network or of
-- the device> and trys:<of the login>: n tries, u until when. from:<of the login>, devs:<of the login>: networks and devices that signed
-- in, by time; a new password and disabling empty both.
do
    local int = P.int
    local FREE, MOST_MS = 4, 60000 -- tries from one place, and the longest wait then
    local FREE_ALL, MOST_ALL_MS = 20, 30000 -- from all places that never signed in
    local FIRST_MS, FORGET_MS, KNOWN = 1000, 3600000, 20 -- who waits that long has had fewer tries
    local NETWORK_MS, DEVICE_MS = 90 * 86400000, 400 * 86400000

    -- All sessions are over, and no place is known: whoever knew the old password may have made themselves any number of them. What was
    -- tried from unknown places was the old one, and must not keep out the user, who comes from such a place now.
    local function anew(K, user)
        call('HINCRBY', K .. 'user:' .. user, 'g', 1)
        call('DEL', K .. 'from:' .. user, K .. 'devs:' .. user, K .. 'trys:' .. user, K .. 'trust:' .. user)
    end

    -- user disabled actor x p ('' keeps it): 1 when it is new. A new password and disabling end all sessions.
    P.reg('user_put', function(K, a)
        local key, user = K .. 'user:' .. a[1], a[1]
        local new = call('SADD', K .. 'users', user)
        if new == 1 and a[5] == '' then
            call('SREM', K .. 'users', user)
            return P.err('INVALID a new user needs a password')
        end
        call('HSET', key, 'x', a[4], 'ds', a[2], 'cm', int(P.now()))
        if a[5] ~= '' then
            call('HSET', key, 'p', a[5])
        end
        if a[5] ~= '' or a[2] == '1' then
            anew(K, user)
        end
        P.audit(K, a[3], 'user.put', 'user:' .. P.hex(user), a[5] ~= '' and 'password' or '')
        return new
    end)

    -- {user, x, p, ds, changed, second factor}; x '' when there is no such user
    local function record(K, user)
        local v = P.fields(K .. 'user:' .. user, 'x', 'p', 'ds', 'cm', 'sf')
        return {user, v.x, v.p, v.ds, v.cm, v.sf}
    end

    -- user disabled actor: the record. Disabling ends all sessions.
    P.reg_full('user_disable', function(K, a)
        local key = K .. 'user:' .. a[1]
        if call('EXISTS', key) == 0 then
            return P.err('NOT_FOUND no such user')
        end
        call('HSET', key, 'ds', a[2], 'cm', int(P.now()))
        if a[2] == '1' then
            anew(K, a[1])
        end
        P.audit(K, a[3], a[2] == '1' and 'user.disable' or 'user.enable', 'user:' .. P.hex(a[1]))
        return record(K, a[1])
    end)

    P.reg_ro('user_get', function(K, a)
        local u = record(K, a[1])
        return u[2] ~= '' and u or P.err('NOT_FOUND no such user')
    end)

    P.reg_ro('users_get', function(K)
        local all = {}
        for _, user in ipairs(call('SMEMBERS', K .. 'users')) do
            all[#all + 1] = record(K, user)
        end
        return all
    end)

    -- How long one has to wait yet, by this count.
    local function left_ms(key, now)
        return math.max(0, (tonumber(call('HGET', key, 'u') or 0) or 0) - now)
    end

    local function counted(key, now, free, most)
        local n = call('HINCRBY', key, 'n', 1)
        local wait = n <= free and 0 or math.min(most, FIRST_MS * 2 ^ math.min(n - free - 1, 20))
        call('HSET', key, 'u', int(now + wait))
        call('PEXPIRE', key, FORGET_MS)
    end

    -- Remembers a place where the user signed in: the newest of them, and none for too long.
    local function remember(key, now, place, ms)
        call('ZADD', key, int(now), place)
        call('ZREMRANGEBYRANK', key, 0, -KNOWN - 1)
        call('ZREMRANGEBYSCORE', key, '-inf', int(now - ms))
        call('PEXPIRE', key, ms)
    end

    -- The device if it is one of those that are remembered; else as if none had been shown.
    local function listed(K, user, device)
        return device and device ~= '' and call('ZSCORE', K .. 'devs:' .. user, device) and device or ''
    end

    -- user network device ('' none): counts a try before it is made, so that many at once are not free. After a few, each has to wait
    -- longer, never for good. What others try elsewhere never delays a device or a network that has signed in with this name. Unknown
    -- logins are counted the same, or the difference would tell who exists.
    P.reg_full('user_try', function(K, a)
        local now, net, device = P.now(), a[2] or '', listed(K, a[1], a[3])
        local own, all = K .. 'try:' .. a[1] .. (device ~= '' and device or net), K .. 'trys:' .. a[1]
        local known = device ~= '' or call('ZSCORE', K .. 'from:' .. a[1], net)
        local wait = left_ms(own, now)
        if not known then
            wait = math.max(wait, left_ms(all, now))
        end
        if wait > 0 then
            return P.err('RATE try again in ' .. int(math.ceil(wait / 1000)) .. ' s')
        end
        counted(own, now, FREE, MOST_MS)
        if not known then
            counted(all, now, FREE_ALL, MOST_ALL_MS)
        end
        return record(K, a[1])
    end)

    -- Somebody is signed in: this network and device (its name from now on) are known.
    local function arrived(K, user, now, net, device)
        if device ~= '' then
            remember(K .. 'devs:' .. user, now, device, DEVICE_MS)
        end
        remember(K .. 'from:' .. user, now, net, NETWORK_MS)
    end

    -- user network device ('' none; it is remembered, so a name that it is about to be given counts) changed (of the record by which the
    -- password was found good): what changed since may be the password, and then this try was a wrong one. second ('1': a code is asked for
    -- where there is a second factor, and nothing is remembered before it came) proven (the device, if it proved that it is this one).
    -- SECOND: the code is still wanted; TRUSTED: the device stands for it.
    P.reg_full('user_try_good', function(K, a)
        local now, net, device = P.now(), a[2] or '', a[3] or ''
        if a[4] and (call('HGET', K .. 'user:' .. a[1], 'cm') or '0') ~= a[4] then
            return P.err('AUTH the user changed meanwhile')
        end
        call('DEL', K .. 'try:' .. a[1] .. net)
        if device ~= '' then
            call('DEL', K .. 'try:' .. a[1] .. device)
        end
        local answer = 'OK'
        if a[5] == '1' and call('HGET', K .. 'user:' .. a[1], 'sf') == '1' then
            local proven = listed(K, a[1], a[6])
            local till = proven ~= '' and call('ZSCORE', K .. 'trust:' .. a[1], proven)
            if not till or tonumber(till) <= now then
                return redis.status_reply('SECOND')
            end
            answer = 'TRUSTED'
        end
        arrived(K, a[1], now, net, device)
        return redis.status_reply(answer)
    end)

    -- hash user idle_s proved
    P.reg_full('session_new', function(K, a)
        local u = P.fields(K .. 'user:' .. a[2], 'g', 'ds')
        if u.ds ~= '0' then
            return P.err('AUTH no such user, or disabled')
        end
        local key = K .. 'sess:' .. a[1]
        call('HSET', key, 'u', a[2], 'g', u.g, 'i', a[3], 'f', a[4] or '0', 'at', int(P.now()))
        call('EXPIRE', key, a[3])
        return redis.status_reply('OK')
    end)

    -- hash: the user as user_get gives it, whether the second factor was shown, and when they signed in ('' not known). Using it keeps it alive; written only when a tenth of the time is gone, so that most
    -- checks are reads.
    P.reg_full('session_check', function(K, a)
        local key = K .. 'sess:' .. a[1]
        local s = P.fields(key, 'u', 'g', 'i', 'f', 'at')
        if s.u == '' then
            return P.err('AUTH no such session')
        end
        local v = call('HMGET', K .. 'user:' .. s.u, 'x', 'g', 'ds')
        if not v[1] or v[3] ~= '0' or v[2] ~= s.g then
            call('DEL', key)
            return P.err('AUTH the session is over')
        end
        if call('TTL', key) < s.i * 0.9 then
            call('EXPIRE', key, s.i)
        end
        local r = record(K, s.u)
        r[7], r[8] = s.f, s.at
        return r
    end)

    P.reg_full('session_end', function(K, a)
        call('DEL', K .. 'sess:' .. a[1])
        return redis.status_reply('OK')
    end)

    -- hash id op actor x
    P.reg('token_new', function(K, a)
        call('HSET', K .. 'token:' .. a[1], 'x', a[5], 'n', a[2], 'op', a[3])
        call('HSET', K .. 'tokens', a[2], a[1])
        call('SADD', K .. 'tokens:' .. a[3], a[2])
        P.audit(K, a[4], 'token.new', 'token:' .. a[2], a[3])
        return redis.status_reply('OK')
    end)

    -- When it was used last is written at most once a minute.
    P.reg_full('token_check', function(K, a)
        local key, now = K .. 'token:' .. a[1], P.now()
        local v = call('HMGET', key, 'x', 'lu')
        if not v[1] then
            return P.err('AUTH no such token')
        end
        if now - (tonumber(v[2]) or 0) >= 60000 then
            call('HSET', key, 'lu', int(now))
        end
        return v[1]
    end)

    -- id actor: the operation
    P.reg_full('token_end', function(K, a)
        local hash = call('HGET', K .. 'tokens', a[1])
        if not hash then
            return P.err('NOT_FOUND no such token')
        end
        local op = call('HGET', K .. 'token:' .. hash, 'op')
        call('DEL', K .. 'token:' .. hash)
        call('HDEL', K .. 'tokens', a[1])
        call('SREM', K .. 'tokens:' .. op, a[1])
        P.audit(K, a[2], 'token.end', 'token:' .. a[1], op)
        return op
    end)

    P.reg_ro('tokens_get', function(K, a)
        local all = {}
        for _, id in ipairs(call('SMEMBERS', K .. 'tokens:' .. a[1])) do
            local hash = call('HGET', K .. 'tokens', id)
            local v = P.fields(K .. 'token:' .. hash, 'x', 'lu')
            all[#all + 1] = {hash, v.x, v.lu}
        end
        return all
    end)

    -- In an operation: whoever has a socket of this user, or by a token, looks again. login actor why ('user', 'token')
    P.reg('user_event', function(K, a)
        P.event(K, P.now(), P.EV_USER, {'a', a[1], 'x', a[2], 'w', a[3] or 'user'})
        return redis.status_reply('OK')
    end)

    -- What second.lua needs.
    P.user = {record = record, anew = anew, left_ms = left_ms, counted = counted, listed = listed, arrived = arrived}
end
