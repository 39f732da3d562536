-- Each request makes a run with the tags that MLflow's client sends.
local headers = { ["Content-Type"] = "application/json" }
local body = '{"experiment_id":"0","user_id":"ann","run_name":"run-%d","start_time":%d,"tags":['
  .. '{"key":"mlflow.user","value":"ann"},{"key":"mlflow.source.name","value":"train.py"},'
  .. '{"key":"mlflow.source.type","value":"LOCAL"},{"key":"mlflow.runName","value":"run-%d"}]}'
local sent = 0

function request()
  sent = sent + 1
  return wrk.format("POST", "/api/2.0/mlflow/runs/create", headers,
    string.format(body, sent, 1700000000000 + sent, sent))
end

function done(summary, latency, _)
  io.write(string.format('{"requests":%d,"seconds":%f,"failed":%d,"p50_ms":%f,"p99_ms":%f}\n',
    summary.requests, summary.duration / 1e6,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
