-- SPDX-License-Identifier: Apache-2.0
-- What every function uses. The files of this folder are joined into one library (CMakeLists.txt says in which order); the line
-- "#!lua name=parley_N" and `local VERSION = N` are put before them. Each function gets one key, the prefix "p:{op}:"; with a
-- Redis Cluster all of an operation is in one slot. Functions see ids, codes, times and ciphertext, never what people wrote.
local P = {}
local function call(...) -- redis.call does not exist yet while the library is loaded
    return redis.call(...)
end
local function pack(...) -- nor does struct
    return struct.pack(...)
end
local function unpack_s(...)
    return struct.unpack(...)
end
local byte, char, sub = ('').byte, ('').char, ('').sub -- nor string
local NONE8 = '\0\0\0\0\0\0\0\0' -- no handle

P.BOT, P.WAITING, P.OFFERED, P.ASSIGNED, P.SNOOZED, P.RESOLVED = 0, 1, 2, 3, 4, 5 -- enum store_state
P.EV_ENTRY, P.EV_ENTRY_STATUS, P.EV_ENTRY_CHANGED, P.EV_THREAD, P.EV_CONTACT = 0, 1, 2, 3, 4 -- enum store_event_kind
P.EV_AGENT, P.EV_CONFIG, P.EV_KEYS, P.EV_USER, P.EV_RECORD = 5, 6, 7, 8, 9
P.OFFLINE, P.ONLINE, P.AWAY, P.BREAK = 0, 1, 2, 3 -- enum store_presence
P.DAY_MS = 86400000

-- Redis's time in milliseconds: the only clock of whatever is stored or due.
function P.now()
    local t = call('TIME')
    return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- A whole number as decimal digits: Lua 5.1 would print times as 1.7e+12.
local format = ('').format
local function int(n)
    return format('%d', n)
end
P.int = int

-- The first word is the name of a code in gateway/base/err.h.
function P.err(text)
    if not string.find(text, ' ', 1, true) then
        text = text .. ' refused' -- Redis would put ERR before a single word
    end
    return redis.error_reply(text)
end

local function register(name, fn, flags)
    redis.register_function {
        function_name = 'p' .. VERSION .. '_' .. name,
        callback = function(keys, args)
            return fn(keys[1], args)
        end,
        flags = flags
    }
end

-- The names carry the version, since Redis's function names are global: an old node goes on with its own library.
function P.reg(name, fn)
    register(name, fn, {})
end

-- The same for functions that write nothing.
function P.reg_ro(name, fn)
    register(name, fn, {'no-writes'})
end

-- For what must also work when Redis is full: what makes room (erasing, retention, sending), ends what is under way, or protects somebody.
-- It may need a little memory itself; what people and agents write is refused meanwhile.
function P.reg_full(name, fn)
    register(name, fn, {'allow-oom'})
end

-- A handle as text, for the audit.
function P.hex(handle)
    return (string.gsub(handle, '.', function(c)
        return string.format('%02x', string.byte(c))
    end))
end

-- Events from then on are kept: of a day, and what webhooks have not taken yet, unless that is much too old.
function P.events_from(K, now)
    local at, day = call('GET', K .. 'hookc'), now - P.DAY_MS
    local cursor = at and tonumber(string.match(at, '^%d+'))
    return int(cursor and math.max(math.min(day, cursor), now - 4 * P.DAY_MS) or day)
end

-- Adds an event; f: its fields as a list {'t', thread, 'w', why …} (store/README.md has their names).
function P.event(K, now, kind, f)
    return call('XADD', K .. 'events', 'MINID', '~', P.events_from(K, now), '*', 'k', kind, unpack(f))
end

-- Adds a line to the audit; the entry's id is its time. Ids and codes only. clearance: that it takes to know of it (nil: none).
function P.audit(K, actor, action, object, detail, clearance)
    if (tonumber(clearance) or 0) > 0 then
        call('XADD', K .. 'audit', '*', 'a', actor, 'x', action, 'o', object, 'd', detail or '', 'c', P.int(tonumber(clearance)))
    else
        call('XADD', K .. 'audit', '*', 'a', actor, 'x', action, 'o', object, 'd', detail or '')
    end
end

-- True when somebody newer holds the lease: what an older holder wants is refused.
function P.fenced(K, lease, fence)
    local current = call('HGET', K .. 'fences', lease)
    return current and tonumber(fence) < tonumber(current)
end

-- A hash's fields by name, '' where there is none.
function P.fields(key, ...)
    local v, t = call('HMGET', key, ...), {}
    for i = 1, select('#', ...) do
        t[select(i, ...)] = v[i] or ''
    end
    return t
end
