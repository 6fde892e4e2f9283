-- SPDX-License-Identifier: Apache-2.0
-- Bringing older layouts up, some threads a call; each step may be repeated.
-- 1 → 2: search sets stood in a list of their thread, words:<t>; people with threads of several clearances were not marked (sv).
do
    local int = P.int

    -- The newest entries get the newest sets: which belonged to which is not known, and is the same for searching.
    local function words_to_entries(K, thread)
        local list, log = K .. 'words:' .. thread, K .. 'log:' .. thread
        local sets = call('LRANGE', list, 0, -1)
        local seq = tonumber(call('HGET', K .. 'thread:' .. thread, 'n')) or 0
        local at = #sets
        while at > 0 and seq > 0 do
            local v = call('HGET', log, int(seq))
            if v and P.log_head(v) then
                call('HSET', log, int(seq), P.log_replace(v, sub(v, 8, #v - P.log_tail(v)), sets[at]))
                at = at - 1
            end
            seq = seq - 1
        end
        call('DEL', list)
    end

    -- cursor: the next one, '0' at the end
    P.reg_full('migrate_2', function(K, a)
        local page = call('ZSCAN', K .. 'threads', a[1], 'COUNT', 20)
        for i = 1, #page[2], 2 do
            local id = page[2][i]
            local t = call('HMGET', K .. 'thread:' .. id, 'c', 'cl')
            words_to_entries(K, id)
            if t[1] and call('HGET', K .. 'contact:' .. t[1], 'o' .. (t[2] or '0')) == id and P.several(K, t[1], id) then
                call('HSET', K .. 'thread:' .. id, 'sv', '1')
            end
        end
        return page[1]
    end)
end
