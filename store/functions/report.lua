-- SPDX-License-Identifier: Apache-2.0
-- Facts for reports: one line of codes and times for each thread, in facts:<UTC day on which it was opened>:<one of 16>. Nothing is
-- counted when it happens: whoever holds the lease "facts" follows the events and folds what is new in a thread into its line. A line
-- follows from the thread alone, so folding twice changes nothing and no event is counted twice; when events were trimmed before they
-- were seen, or after a restore, all threads are walked once more. Lines outlive the thread that retention removes.
-- factc: the last event that was folded, or "R <cursor> <event>" while all threads are walked.
do
    local int = P.int
    local PAGE, WALK, STEP = 200, 40, 100
    local FIELDS = {'op', 's', 'since', 'fa', 'fr', 'rs', 'cl', 'st', 'pr', 'nt', 'nr', 'nx', 'lt', 'lh', 'tp', 'ar', 'ch', 'oc', 'tm', 'mt'}
    local IDLE_MS, STALE_MS = 3600000, 23 * 3600000 -- events are kept for 24 hours

    function P.fact_key(K, opened, id)
        return string.format('%sfacts:%d:%x', K, math.floor(opened / P.DAY_MS), byte(id, 1) % 16)
    end

    local function parse(line)
        local f, i = {}, 0
        for word in string.gmatch((line or '') .. '\t', '([^\t]*)\t') do
            i = i + 1
            if FIELDS[i] then
                f[FIELDS[i]] = word
            end
        end
        return f
    end

    local function write(f)
        local out = {}
        for i, name in ipairs(FIELDS) do
            out[i] = f[name] or ''
        end
        return table.concat(out, '\t')
    end

    local function more(f, name)
        f[name] = int((tonumber(f[name]) or 0) + 1)
    end

    -- One of the thread's EVENT entries. Times are told from the thread's beginning.
    local function happened(f, time, code, actor)
        local after = int(math.max(0, time - f.op))
        if code == 'accepted' or code == 'assigned' then
            f.fa = (f.fa or '') ~= '' and f.fa or after
        elseif code == 'transferred' then
            more(f, 'nt')
        elseif code == 'reopened' then
            more(f, 'nr')
        elseif code == 'expired' or code == 'declined' then
            more(f, 'nx')
        end
        if (f.fa or '') == '' and string.match(actor, '^bot') and (code == 'transferred' or code == 'handover') then
            f.since = after -- until then it was a program's
        end
    end

    local function fold_log(K, id, f, n)
        for from = (tonumber(f.s) or 0) + 1, n, STEP do
            local names = {}
            for seq = from, math.min(n, from + STEP - 1) do
                names[#names + 1] = int(seq)
            end
            for _, v in ipairs(call('HMGET', K .. 'log:' .. id, unpack(names))) do
                if v and byte(v, 1) == 0 then
                    local time, code, actor = string.match(v, '^%z(%d+) (%S+) (%S+)')
                    if time then
                        happened(f, tonumber(time), code, actor)
                    end
                end
            end
        end
        f.s = int(n)
    end

    -- "type subject outcome" of each of its matters, ';' between. One that is apart (matter.lua) is none of the thread's.
    local function matters(K, t)
        local out = {}
        for _, id in ipairs(t.mg ~= '' and P.record_ids(K, 'matter', t.mg) or {}) do
            local r = P.record_get(K, 'matter', id)
            if r and r.clearance <= (tonumber(t.cl) or 0) then
                local function code(name)
                    return P.record_facet(r.facets, name) or ''
                end
                out[#out + 1] = code('type') .. ' ' .. code('subject') .. ' ' .. code('outcome')
            end
        end
        return table.concat(out, ';')
    end

    -- The thread whose matters are the group of a record.
    local function of_group(K, contact, group)
        local list = contact ~= '' and call('HGET', K .. 'contact:' .. contact, 'T') or ''
        for at = 1, #list, 8 do
            local id = sub(list, at, at + 7)
            if call('HGET', K .. 'thread:' .. id, 'mg') == group then
                return id
            end
        end
    end

    -- Brings the line of a thread up to what it is now.
    function P.fact_fold(K, id)
        local t = P.fields(K .. 'thread:' .. id, 'op', 'n', 'st', 'cl', 'lt', 'lh', 'tp', 'ar', 'ch', 'pr', 'fr', 'rs', 'oc', 'tm', 'mg')
        if t.op == '' then
            return
        end
        local key = P.fact_key(K, tonumber(t.op), id)
        local was = call('HGET', key, id)
        local f = parse(was)
        f.op = t.op
        fold_log(K, id, f, tonumber(t.n) or 0)
        f.fr = t.fr ~= '' and int(math.max(0, t.fr - t.op)) or ''
        f.rs = t.rs ~= '' and int(math.max(0, t.rs - t.op)) or ''
        for _, name in ipairs({'st', 'cl', 'lt', 'lh', 'tp', 'ar', 'ch', 'pr', 'oc', 'tm'}) do
            f[name] = t[name]
        end
        f.mt = matters(K, t)
        local line = write(f)
        if line ~= was then
            call('HSET', key, id, line)
        end
    end

    -- An answer of ours matters only while there was none.
    local function unanswered(K, id)
        local t = call('HMGET', K .. 'thread:' .. id, 'op', 'fr')
        if not t[1] or not t[2] then
            return false
        end
        local f = parse(call('HGET', P.fact_key(K, tonumber(t[1]), id), id))
        return (f.fr or '') == ''
    end

    -- The thread that an event concerns, when its line may change by it.
    local function concerned(K, f)
        local e = {}
        for i = 1, #f, 2 do
            e[f[i]] = f[i + 1]
        end
        if e.e then
            local kind, thread, _, _, what, _, _, why = unpack_s('>Bc8c8I4BBBB', e.e)
            if kind ~= P.EV_ENTRY then
                return nil
            elseif why ~= P.WHY_NONE then
                return thread
            end
            return what % 16 == 0 and unanswered(K, thread) and thread or nil -- a message, and not the person's
        elseif e.k == tostring(P.EV_THREAD) then
            return e.w ~= 'read' and e.t or nil
        end
        return e.rk == 'matter' and of_group(K, e.c or '', e.rg) or nil
    end

    local function follow(K, now, cursor)
        local page = call('XRANGE', K .. 'events', '(' .. cursor, '+', 'COUNT', PAGE)
        local done = {}
        for _, entry in ipairs(page) do
            local id = concerned(K, entry[2])
            if id and not done[id] then
                done[id] = true
                P.fact_fold(K, id)
            end
        end
        if #page > 0 then
            call('SET', K .. 'factc', page[#page][1])
        elseif now - tonumber(string.match(cursor, '^%d+')) > IDLE_MS then
            call('SET', K .. 'factc', int(now - 60000) .. '-0')
        end
        return #page == PAGE and 1 or 0
    end

    local function walk(K, at, event)
        local page = call('ZSCAN', K .. 'threads', at, 'COUNT', WALK)
        for i = 1, #page[2], 2 do
            P.fact_fold(K, page[2][i])
        end
        call('SET', K .. 'factc', page[1] == '0' and event or 'R ' .. page[1] .. ' ' .. event)
        return 1
    end

    -- fence: a step; 1 when there is more to do at once.
    P.reg('facts_step', function(K, a)
        if P.fenced(K, 'facts', a[1]) then
            return P.err('FENCED')
        end
        local now, cursor = P.now(), call('GET', K .. 'factc') or ''
        local at, event = string.match(cursor, '^R (%d+) (%S+)$')
        if at then
            return walk(K, at, event)
        elseif now - (tonumber(string.match(cursor, '^%d+')) or 0) > STALE_MS then
            return walk(K, '0', int(now - 1000) .. '-0')
        end
        return follow(K, now, cursor)
    end)

    -- fence day days: lines of the days up to that one go.
    P.reg_full('facts_trim', function(K, a)
        if P.fenced(K, 'facts', a[1]) then
            return P.err('FENCED')
        end
        local n = 0
        for day = a[2] - a[3] + 1, tonumber(a[2]) do
            for shard = 0, 15 do
                n = n + call('DEL', string.format('%sfacts:%d:%x', K, day, shard))
            end
        end
        return n
    end)
end
