-- Each request logs one point, of a step of its own, to one of the runs given as arguments.
local runs, sent = {}, 0
local headers = { ["Content-Type"] = "application/json" }
local body = '{"run_id":"%s","run_uuid":"%s","key":"loss","value":%d.5,"timestamp":%d,"step":%d}'

function init(args)
  runs = args
  -- Steps of several loads in a row must not meet.
  sent = os.time() % 1000000 * 100000
end

function request()
  sent = sent + 1
  local run = runs[sent % #runs + 1]
  return wrk.format("POST", "/api/2.0/mlflow/runs/log-metric", headers,
    string.format(body, run, run, sent % 1000, 1700000000000 + sent, sent))
end

function done(summary, latency, _)
  io.write(string.format('{"requests":%d,"seconds":%f,"failed":%d,"p50_ms":%f,"p99_ms":%f}\n',
    summary.requests, summary.duration / 1e6,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
