-- SPDX-License-Identifier: Apache-2.0
-- Records (record.h): what an operation keeps beside people, threads and entries. rec:<kind>:<id>: head and envelope in one string.
-- Indexes, which a restore makes anew: recz:<kind> and recg:<kind>:<group> (ids by score), recc:<contact> ("<kind> <id>").
do
    local int = P.int
    local FORM = 1
    local OWN = NONE8 -- sealed under the operation's own key

    local function rec(K, kind, id)
        return K .. 'rec:' .. kind .. ':' .. id
    end

    -- A score is a time in milliseconds, or less than nothing: kept as a double, as the indexes keep it.
    local function write(r)
        return pack('>BI4I6Bdc8I4B', FORM, r.version, r.updated, r.clearance, r.score, r.contact, r.kid, #r.group) .. r.group
            .. pack('>I2', #r.facets) .. r.facets .. r.sealed
    end

    local function read(v)
        local r = {}
        local form, n, at
        form, r.version, r.updated, r.clearance, r.score, r.contact, r.kid, n, at = unpack_s('>BI4I6Bdc8I4B', v)
        if form ~= FORM then
            return nil
        end
        r.group = sub(v, at, at + n - 1)
        n, at = unpack_s('>I2', v, at + n)
        r.facets = sub(v, at, at + n - 1)
        r.sealed = sub(v, at + n)
        return r
    end

    -- The record, or nil. For other functions too.
    function P.record_get(K, kind, id)
        local v = call('GET', rec(K, kind, id))
        return v and read(v)
    end

    -- The value of one facet, or nil.
    function P.record_facet(facets, name)
        for word in string.gmatch(facets, '%S+') do
            if sub(word, 1, #name + 1) == name .. '=' then
                return sub(word, #name + 2)
            end
        end
    end

    -- The ids of a group, in the order of their scores.
    function P.record_ids(K, kind, group)
        return call('ZRANGE', K .. 'recg:' .. kind .. ':' .. group, 0, -1)
    end

    -- Kinds that only functions of their own write, since a state machine guards them: P.record_owned.matter = true
    P.record_owned = P.record_owned or {}

    local function unindex(K, kind, id, r)
        call('ZREM', K .. 'recz:' .. kind, id)
        if r.group ~= '' then
            call('ZREM', K .. 'recg:' .. kind .. ':' .. r.group, id)
        end
        if r.contact ~= OWN then
            call('SREM', K .. 'recc:' .. r.contact, kind .. ' ' .. id)
        end
    end

    local function index(K, kind, id, r)
        call('ZADD', K .. 'recz:' .. kind, r.score, id)
        if r.group ~= '' then
            call('ZADD', K .. 'recg:' .. kind .. ':' .. r.group, r.score, id)
        end
        if r.contact ~= OWN then
            call('SADD', K .. 'recc:' .. r.contact, kind .. ' ' .. id)
        end
    end

    local function told(K, now, kind, id, r, why, actor, action, detail)
        P.event(K, now, P.EV_RECORD, {'w', why, 'rk', kind, 'ri', id, 'q', int(r.version), 'cl', int(r.clearance), 'rf', r.facets,
            'rg', r.group, 'x', actor, 'c', r.contact ~= OWN and r.contact or ''})
        if action and action ~= '' then
            P.audit(K, actor, action, kind .. ':' .. id, detail or '', math.max(r.clearance, tonumber(P.record_facet(r.facets, 'cl') or 0) or 0))
        end
    end

    -- r: kind, id, expect (nil: whatever is there), clearance, score (0: now), contact ('': none) with kid, group, facets, sealed (nil: as it
    -- is there), actor, action, detail. The new version, or nil and an error.
    function P.record_put(K, now, r)
        local was = P.record_get(K, r.kind, r.id)
        local there = was and was.version or 0
        if r.expect and r.expect ~= there then
            return nil, P.err('CONFLICT ' .. int(there) .. ' is the version that is there')
        end
        r.contact = (r.contact and r.contact ~= '') and r.contact or OWN
        r.kid, r.sealed = r.kid or (was and was.kid) or 0, r.sealed or (was and was.sealed) or ''
        if r.contact ~= OWN then
            local c = call('HMGET', K .. 'contact:' .. r.contact, 'k', 'er')
            if not c[1] then
                return nil, P.err('NOT_FOUND no such contact')
            elseif c[2] then
                return nil, P.err('ERASED the person was erased')
            elseif tonumber(c[1]) ~= r.kid then
                return nil, P.err('AGAIN the contact has another key')
            end
        end
        if was then
            unindex(K, r.kind, r.id, was)
        end
        r.version, r.updated = there + 1, now
        if r.score == 0 then
            r.score = now
        end
        call('SET', rec(K, r.kind, r.id), write(r))
        index(K, r.kind, r.id, r)
        told(K, now, r.kind, r.id, r, 'put', r.actor, r.action, r.detail)
        return r.version
    end

    -- True when it was there. expect as above.
    function P.record_delete(K, now, kind, id, expect, actor, action)
        local was = P.record_get(K, kind, id)
        local there = was and was.version or 0
        if expect and expect ~= there then
            return nil, P.err('CONFLICT ' .. int(there) .. ' is the version that is there')
        end
        if was then
            call('DEL', rec(K, kind, id))
            unindex(K, kind, id, was)
            told(K, now, kind, id, was, 'deleted', actor, action)
        end
        return was ~= nil
    end

    -- Of an erased person: what was sealed goes, codes and times stay for the figures, as with entries.
    function P.record_forget(K, contact)
        for _, name in ipairs(call('SMEMBERS', K .. 'recc:' .. contact)) do
            local kind, id = string.match(name, '^(%S+) (.+)$')
            local r = P.record_get(K, kind, id)
            if r and r.sealed ~= '' then
                r.sealed = ''
                call('SET', rec(K, kind, id), write(r))
            end
        end
    end

    local function flat(id, r)
        return {id, int(r.version), int(r.updated), int(r.clearance), int(r.score), r.contact == OWN and '' or r.contact, int(r.kid),
            r.group, r.facets, r.sealed}
    end

    -- kind id expect ('' whatever) clearance score contact kid group facets sealed actor action detail: the new version
    P.reg('record_put', function(K, a)
        if P.record_owned[a[1]] then
            return P.err('FORBIDDEN such records have functions of their own')
        end
        local version, wrong = P.record_put(K, P.now(), {
            kind = a[1], id = a[2], expect = a[3] ~= '' and tonumber(a[3]) or nil, clearance = tonumber(a[4]), score = tonumber(a[5]),
            contact = a[6], kid = tonumber(a[7]), group = a[8], facets = a[9], sealed = a[10], actor = a[11], action = a[12], detail = a[13]
        })
        return wrong or int(version)
    end)

    -- kind id expect actor action
    P.reg_full('record_delete', function(K, a)
        if P.record_owned[a[1]] then
            return P.err('FORBIDDEN such records have functions of their own')
        end
        local _, wrong = P.record_delete(K, P.now(), a[1], a[2], a[3] ~= '' and tonumber(a[3]) or nil, a[4], a[5])
        return wrong or redis.status_reply('OK')
    end)

    -- contact: its key's id
    P.reg_ro('record_contact', function(K, a)
        local c = call('HMGET', K .. 'contact:' .. a[1], 'k', 'er')
        if not c[1] then
            return P.err('NOT_FOUND no such contact')
        end
        return c[2] and P.err('ERASED the person was erased') or c[1]
    end)

    P.reg_ro('record_get', function(K, a)
        local r = P.record_get(K, a[1], a[2])
        return r and {flat(a[2], r)} or P.err('NOT_FOUND no such record')
    end)

    -- kind group ('' all) from to ('' no end) newest_first offset limit: one more than limit when there are more
    P.reg_ro('record_list', function(K, a)
        local key = a[2] == '' and K .. 'recz:' .. a[1] or K .. 'recg:' .. a[1] .. ':' .. a[2]
        local to, out = a[4] == '' and '+inf' or a[4], {}
        local ids
        if a[5] == '1' then
            ids = call('ZREVRANGEBYSCORE', key, to, a[3], 'LIMIT', a[6], a[7] + 1)
        else
            ids = call('ZRANGEBYSCORE', key, a[3], to, 'LIMIT', a[6], a[7] + 1)
        end
        for _, id in ipairs(ids) do
            local r = P.record_get(K, a[1], id)
            out[#out + 1] = r and flat(id, r) or nil
        end
        return out
    end)

    -- contact: kind before each record
    P.reg_ro('records_of', function(K, a)
        local out, names = {}, call('SMEMBERS', K .. 'recc:' .. a[1])
        table.sort(names)
        for _, name in ipairs(names) do
            local kind, id = string.match(name, '^(%S+) (.+)$')
            local r = P.record_get(K, kind, id)
            if r then
                local one = flat(id, r)
                one[#one + 1] = kind
                out[#out + 1] = one
            end
        end
        return out
    end)

    -- kind before limit: those whose score and last put are both older, how many went
    P.reg_full('record_expire', function(K, a)
        local now, before, gone = P.now(), tonumber(a[2]), 0
        for _, id in ipairs(call('ZRANGEBYSCORE', K .. 'recz:' .. a[1], '-inf', '(' .. a[2], 'LIMIT', 0, a[3])) do
            local r = P.record_get(K, a[1], id)
            if not r then
                call('ZREM', K .. 'recz:' .. a[1], id)
            elseif r.updated < before then
                P.record_delete(K, now, a[1], id, nil, 'system', '')
                gone = gone + 1
            end
        end
        return gone
    end)

    -- "<kind>:<id>"…: after a restore
    P.reg('restore_records', function(K, a)
        for _, name in ipairs(a) do
            local kind, id = string.match(name, '^([^:]+):(.+)$')
            local r = kind and P.record_get(K, kind, id)
            if r then
                index(K, kind, id, r)
            end
        end
        return redis.status_reply('OK')
    end)
end
