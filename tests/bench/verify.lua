-- Load for wrk: posts the requests of the file BODIES to PATH in turn, and counts the answers that do
-- not contain EXPECT. The last line that it prints is read by lib/wrk.mjs.

local requests, position, threads = {}, 0, {}
wrong = 0
example = ""

function setup(thread)
  table.insert(threads, thread)
end

function init()
  for line in io.lines(os.getenv("BODIES")) do
    requests[#requests + 1] = wrk.format("POST", os.getenv("TARGET"), { ["Content-Type"] = "application/json" }, line)
  end
  expected = os.getenv("EXPECT")
end

function request()
  position = position % #requests + 1
  return requests[position]
end

function response(status, _, body)
  if status ~= 200 or not body:find(expected, 1, true) then
    wrong = wrong + 1
    example = status .. " " .. body:sub(1, 200):gsub("[\r\n]", " ")
  end
end

function done(summary, latency, _)
  local total, shown = 0, ""
  for _, thread in ipairs(threads) do
    total = total + thread:get("wrong")
    shown = thread:get("example")
  end
  local errors = summary.errors
  io.write(string.format(
    "RESULT requests=%d microseconds=%d p50=%d p99=%d max=%d wrong=%d failed=%d example=%s\n",
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency.max, total,
    errors.connect + errors.read + errors.write + errors.timeout, shown))
end
