// Uppy, from npm, uploads to a running archive: one document in one request, one in parts, and one whose client is
// lost in between.
//
// Reads {api_url, token, path, name, type, method, stop_after, resume, cancel} as JSON from standard input, and writes
// what happened as JSON to standard output. The part between the two lines is what docs/uploads.md shows.

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import Uppy from '@uppy/core'
import AwsS3 from '@uppy/aws-s3'

const given = JSON.parse(readFileSync(0, 'utf8'))
const requests = []

// What Uppy needs of a browser.
globalThis.XMLHttpRequest = class {
  status = 0
  statusText = ''
  responseText = ''
  upload = {}
  #headers = new Headers()
  #controller = new AbortController()
  #answer

  open(method, url) {
    this.method = method
    this.url = url
  }

  setRequestHeader(name, value) {
    this.#headers.append(name, value)
  }

  getResponseHeader(name) {
    return this.#answer?.headers.get(name) ?? null
  }

  abort() {
    this.#controller.abort()
  }

  async send(body) {
    const { method, url } = this
    const asked = new URL(url).searchParams
    requests.push([method, ...['uploads', 'uploadId', 'partNumber'].filter((each) => asked.has(each))].join(' '))
    try {
      const options = { method, body, headers: this.#headers, signal: this.#controller.signal }
      this.#answer = await fetch(url, options)
      this.responseText = await this.#answer.text()
    } catch (error) {
      this.statusText = String(error)
      return this.onerror?.()
    }
    this.status = this.#answer.status
    this.upload.onprogress?.({ lengthComputable: true, loaded: body?.size ?? 0, total: body?.size ?? 0 })
    this.onload?.()
  }
}

// ---------------------------------------------------------------------------------------------------------------
async function api(method, path, body) {
  const answer = await fetch(given.api_url + path, {
    method,
    headers: { authorization: `Bearer ${given.token}`, 'content-type': 'application/json' },
    body: body && JSON.stringify(body),
  })
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
  return answer.json()
}

const partSizes = new Map()

const uppy = new Uppy().use(AwsS3, {
  shouldUseMultipart: (file) => file.meta.upload.method === 'MULTIPART',
  getChunkSize: ({ size }) => partSizes.get(size),
  generateObjectKey: (file) => file.meta.file_id,
  signRequest: (request) => api('POST', '/api/v1/uploads/sign', request),
})

async function announce(file) {
  if (file.meta.file_id) return // it goes on from where it was lost
  const { file_id, upload } = await api('POST', '/api/v1/files', {
    filename: file.name,
    size: file.size,
    sha256: await sha256(file.data),
    content_type: file.type,
    method: given.method,
    retention_policy: 'temporary',
  })
  if (upload.part_size) partSizes.set(file.size, upload.part_size)
  uppy.setFileMeta(file.id, { file_id, upload })
}

uppy.addPreProcessor((ids) => Promise.all(ids.map((id) => uppy.getFile(id)).map(announce)))
uppy.addPostProcessor((ids) =>
  Promise.all(ids.map((id) => api('POST', `/api/v1/files/${uppy.getFile(id).meta.file_id}/upload/complete`))),
)
// ---------------------------------------------------------------------------------------------------------------

async function sha256(blob) {
  return createHash('sha256').update(Buffer.from(await blob.arrayBuffer())).digest('hex')
}

function end(happened) {
  process.stdout.write(JSON.stringify({ requests, ...happened }), () => process.exit(0))
}

const data = new File([readFileSync(given.path)], given.name, { type: given.type })
const id = uppy.addFile({ name: given.name, type: given.type, data })
if (given.resume) {
  // What Uppy's Golden Retriever keeps over a reload of the page.
  const { file_id, upload, s3Multipart } = given.resume
  partSizes.set(data.size, upload.part_size)
  uppy.setFileState(id, { s3Multipart })
  uppy.setFileMeta(id, { file_id, upload })
}
uppy.on('s3-multipart:part-uploaded', (_file, part) => {
  const file = uppy.getFile(id)
  if (given.stop_after === part.PartNumber) end({ file_id: file.meta.file_id, upload: file.meta.upload, s3Multipart: file.s3Multipart })
  if (given.cancel === part.PartNumber) {
    uppy.cancelAll()
    setTimeout(() => end({ file_id: file.meta.file_id }), 1000)
  }
})
const result = await uppy.upload()
if (!given.cancel) {
  end({
    file_id: uppy.getFile(id)?.meta.file_id,
    successful: result.successful.map((each) => each.uploadURL),
    failed: result.failed.map((each) => String(each.error)),
  })
}
