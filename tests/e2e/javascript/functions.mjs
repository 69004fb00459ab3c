// Drives the function API with the AWS SDK for JavaScript v3 as it comes, waiters and paginators included. The endpoint, the Region and
// the credentials come from the environment, the names from the arguments.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import * as lambda from '@aws-sdk/client-lambda'

const [name, runtime, packagePath, layerPath] = process.argv.slice(2)
const client = new lambda.LambdaClient({})
const waiter = { client, maxWaitTime: 60, minDelay: 0.05, maxDelay: 0.2 }
const send = (command) => client.send(command)

const layer = await send(new lambda.PublishLayerVersionCommand({
  LayerName: `${name}-layer`, Content: { ZipFile: readFileSync(layerPath) }, CompatibleRuntimes: [runtime]
}))
assert.equal(layer.Version, 1)

const created = await send(new lambda.CreateFunctionCommand({
  FunctionName: name,
  Runtime: runtime,
  Handler: 'app.handler',
  Role: 'arn:aws:iam::000000000000:role/e2e',
  Code: { ZipFile: readFileSync(packagePath) },
  Layers: [layer.LayerVersionArn],
  Tags: { made: 'by javascript' }
}))
assert.equal(created.State, 'Pending')
assert.equal((await lambda.waitUntilFunctionActiveV2(waiter, { FunctionName: name })).state, 'SUCCESS')
assert.equal((await lambda.waitUntilFunctionExists(waiter, { FunctionName: name })).state, 'SUCCESS')

const answer = await send(new lambda.InvokeCommand({
  FunctionName: name, Payload: JSON.stringify({ word: 'hello' }), LogType: 'Tail'
}))
assert.equal(answer.StatusCode, 200)
assert.deepEqual(JSON.parse(answer.Payload.transformToString()), { word: 'hello' })
assert.match(Buffer.from(answer.LogResult, 'base64').toString(), /START RequestId: /)

const first = await send(new lambda.PublishVersionCommand({ FunctionName: name }))
assert.equal(first.Version, '1')
const published = { FunctionName: name, Qualifier: '1' }
assert.equal((await lambda.waitUntilPublishedVersionActive(waiter, published)).state, 'SUCCESS')

await send(new lambda.UpdateFunctionConfigurationCommand({ FunctionName: name, Timeout: 9 }))
assert.equal((await lambda.waitUntilFunctionUpdatedV2(waiter, { FunctionName: name })).state, 'SUCCESS')
const second = await send(new lambda.PublishVersionCommand({ FunctionName: name }))
const alias = await send(new lambda.CreateAliasCommand({
  FunctionName: name,
  Name: 'live',
  FunctionVersion: first.Version,
  RoutingConfig: { AdditionalVersionWeights: { [second.Version]: 0.5 } }
}))
assert.deepEqual(alias.RoutingConfig.AdditionalVersionWeights, { 2: 0.5 })
const routed = await send(new lambda.InvokeCommand({ FunctionName: name, Qualifier: 'live', Payload: '{}' }))
assert.ok(['1', '2'].includes(routed.ExecutedVersion))

const versions = []
for await (const page of lambda.paginateListVersionsByFunction({ client, pageSize: 1 }, { FunctionName: name })) {
  versions.push(...page.Versions.map((version) => version.Version))
}
assert.deepEqual(versions, ['$LATEST', '1', '2'])

await assert.rejects(
  send(new lambda.GetAliasCommand({ FunctionName: name, Name: 'nobody' })),
  (error) => error instanceof lambda.ResourceNotFoundException && error.$metadata.httpStatusCode === 404
)
await assert.rejects(
  send(new lambda.CreateAliasCommand({ FunctionName: name, Name: 'live', FunctionVersion: '1' })),
  (error) => error instanceof lambda.ResourceConflictException && /already exists/.test(error.message)
)

await send(new lambda.DeleteFunctionCommand({ FunctionName: name }))
await assert.rejects(send(new lambda.GetFunctionCommand({ FunctionName: name })), lambda.ResourceNotFoundException)
await send(new lambda.DeleteLayerVersionCommand({ LayerName: `${name}-layer`, VersionNumber: 1 }))
console.log('done')
