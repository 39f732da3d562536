-- Each request logs a thousand points of one metric, of steps of their own, to one of the runs given as arguments.
local runs, sent = {}, 0
local headers = { ["Content-Type"] = "application/json" }
local point = '{"key":"loss","value":%d.25,"timestamp":%d,"step":%d}'

function init(args)
  runs = args
  sent = os.time() % 1000000 * 1000
end

function request()
  sent = sent + 1
  local points = {}
  for n = 1, 1000 do
    local step = sent * 1000 + n  -- time goes on as steps do
    points[n] = string.format(point, n, 1700000000000 + step, step)
  end
  return wrk.format("POST", "/api/2.0/mlflow/runs/log-batch", headers,
    '{"run_id":"' .. runs[sent % #runs + 1] .. '","metrics":[' .. table.concat(points, ",") .. "]}")
end

function done(summary, latency, _)
  io.write(string.format('{"requests":%d,"seconds":%f,"failed":%d,"p50_ms":%f,"p99_ms":%f}\n',
    summary.requests, summary.duration / 1e6,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
