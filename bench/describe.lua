-- Describes jobs at random; the ids are those that bench.py made.
local jobs = tonumber(os.getenv("JOBS"))
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/x-amz-json-1.1"
wrk.headers["X-Amz-Target"] = "AWSShineFrontendService_20170701.DescribeTextTranslationJob"

request = function()
    return wrk.format(nil, "/", nil, string.format('{"JobId":"%032x"}', math.random(1, jobs)))
end
