-- SPDX-License-Identifier: Apache-2.0
-- Files that wait for an entry: blob:<id> hash, o (keyed hash of the owner), x (sealed type, name, size, key); an hour. blobs: set of the
-- ids that entries name: a file outside of it that is older than that hour is nobody's.
do
    P.reg('blob_put', function(K, a)
        local key = K .. 'blob:' .. a[1]
        call('HSET', key, 'o', a[2], 'x', a[3])
        call('EXPIRE', key, 3600)
        return redis.status_reply('OK')
    end)

    -- id owner: the sealed record. May be asked again until the hour is over, since the entry may have to be written again.
    P.reg('blob_claim', function(K, a)
        local v = call('HMGET', K .. 'blob:' .. a[1], 'o', 'x')
        if not v[1] or v[1] ~= a[2] then
            return P.err('NOT_FOUND no such file')
        end
        call('SADD', K .. 'blobs', a[1])
        return v[2]
    end)

    P.reg_full('blob_forget', function(K, a)
        for _, id in ipairs(a) do
            call('DEL', K .. 'blob:' .. id)
            call('SREM', K .. 'blobs', id)
        end
        return redis.status_reply('OK')
    end)

    -- ids: for each 1 when an entry names it or may still
    P.reg_ro('blobs_known', function(K, a)
        local out = {}
        for i, id in ipairs(a) do
            out[i] = (call('SISMEMBER', K .. 'blobs', id) == 1 or call('EXISTS', K .. 'blob:' .. id) == 1) and 1 or 0
        end
        return out
    end)

    -- id: the store's id and whether the shared directory was marked with it. The first node's is taken.
    P.reg_full('blobs_mark', function(K, a)
        call('HSETNX', K .. 'store', 'id', a[1])
        local v = P.fields(K .. 'store', 'id', 'marked')
        return {v.id, v.marked}
    end)

    P.reg_full('blobs_marked', function(K, a)
        if call('HGET', K .. 'store', 'id') == a[1] then
            call('HSET', K .. 'store', 'marked', 1)
        end
        return redis.status_reply('OK')
    end)
end
