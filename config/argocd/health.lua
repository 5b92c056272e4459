-- Health of a RAGPipeline for Argo CD, computed as kstatus does. docs/gitops.md explains how to install it.
local function health(status, message)
  return {status = status, message = message or ""}
end

if obj.metadata ~= nil and obj.metadata.deletionTimestamp ~= nil then
  return health("Progressing", "The pipeline is being deleted")
end

local status = obj.status
if status == nil or status.conditions == nil or obj.metadata.generation ~= nil and status.observedGeneration ~= obj.metadata.generation then
  return health("Progressing", "Waiting for the operator to act on this spec")
end

local conditions = {}
for _, condition in ipairs(status.conditions) do
  conditions[condition.type] = condition
end

local ready = conditions.Ready
if ready ~= nil and ready.reason == "Suspended" then
  return health("Suspended", ready.message)
end
if conditions.Stalled ~= nil and conditions.Stalled.status == "True" then
  return health("Degraded", conditions.Stalled.message)
end
if conditions.Reconciling ~= nil and conditions.Reconciling.status == "True" then
  return health("Progressing", conditions.Reconciling.message)
end
if ready ~= nil and ready.status == "True" then
  return health("Healthy", ready.message)
end
return health("Progressing", ready ~= nil and ready.message or "Waiting for the operator")
