-- SPDX-License-Identifier: Apache-2.0
-- Idempotency keys: idem:<keyed hash of scope and key> hash, b (hash of the body), x (sealed answer); a day. A claim whose node died
-- is free again after a minute.
do
    local CLAIM_S, KEEP_S = 60, 86400

    -- id body: {state, answer}
    P.reg('idem_begin', function(K, a)
        local key = K .. 'idem:' .. a[1]
        local v = call('HMGET', key, 'b', 'x')
        if not v[1] then
            call('HSET', key, 'b', a[2])
            call('EXPIRE', key, CLAIM_S)
            return {0, ''}
        elseif v[1] ~= a[2] then
            return {3, ''}
        elseif v[2] then
            return {1, v[2]}
        end
        return {2, ''}
    end)

    -- id: what was claimed failed, and may be tried again at once.
    P.reg_full('idem_drop', function(K, a)
        local key = K .. 'idem:' .. a[1]
        if call('HEXISTS', key, 'x') == 0 then
            call('DEL', key)
        end
        return redis.status_reply('OK')
    end)

    -- id body answer: keeps the answer, also when the claim ended meanwhile and nobody took it.
    P.reg_full('idem_finish', function(K, a)
        local key = K .. 'idem:' .. a[1]
        call('HSET', key, 'x', a[2])
        call('EXPIRE', key, KEEP_S)
        return redis.status_reply('OK')
    end)
end
