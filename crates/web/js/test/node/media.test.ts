// Media one by one, without a machine: chunks from somewhere slow, servers, changes in a file, qcow2.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import { CachedMedium } from '../../src/disk/cache.ts';
import { createPath, FileMedium, openPath } from '../../src/disk/file.ts';
import { openUrl } from '../../src/disk/http.ts';
import { BytesMedium, DiskError, type Medium } from '../../src/disk/medium.ts';
import { OverlayMedium } from '../../src/disk/overlay.ts';
import { Qcow2Medium } from '../../src/disk/qcow2.ts';
import { imageServer } from '../images.ts';

const folder = mkdtempSync(join(tmpdir(), 'v64-media-'));
after(() => rmSync(folder, { recursive: true }));

/** Bytes of which each part is another. */
function pattern(length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(length).map((_, n) => (n * 7 + (n >> 8) * 13) & 0xff);
}

/** What is read at once; `undefined` where that was not possible. */
function now(medium: Medium, offset: number, length: number): Uint8Array | undefined {
  const into = new Uint8Array(length);
  return medium.readNow(offset, into) ? into : undefined;
}

describe('chunks', () => {
  const bytes = pattern(20 << 20);
  const fetching = (): { medium: CachedMedium; asked: [number, number][] } => {
    const asked: [number, number][] = [];
    const medium = new CachedMedium(bytes.length, async (offset, length) => {
      asked.push([offset, length]);
      return bytes.slice(offset, offset + length);
    });
    return { medium, asked };
  };

  test('grow while they are read one after the other, and are kept', async () => {
    const { medium, asked } = fetching();
    for (let at = 0; at < 4 << 20; at += 65536) assert.deepEqual(await medium.read(at, 65536), bytes.slice(at, at + 65536));
    assert.ok(asked.length < 10, `${asked.length} requests`);
    assert.deepEqual(now(medium, 1000, 70_000), bytes.slice(1000, 71_000));
    const before = asked.length;
    await medium.read(15 << 20, 10);
    assert.deepEqual(asked.slice(before), [[15 << 20, 65536]]);
    assert.equal(now(medium, 16 << 20, 1), undefined);
  });

  test('end with the image, and what is behind it are zeros', async () => {
    const { medium } = fetching();
    const end = await medium.read(bytes.length - 3, 8);
    assert.deepEqual([...end], [...bytes.slice(-3), 0, 0, 0, 0, 0]);
    assert.deepEqual([...(now(medium, bytes.length - 1, 2) ?? [])], [...bytes.slice(-1), 0]);
  });

  test('are forgotten, and failures are not kept', async () => {
    let fails = true;
    const medium = new CachedMedium(bytes.length, async (offset, length) => {
      if (fails) throw new DiskError('IO', 'no');
      return bytes.slice(offset, offset + length);
    }, 128);
    await assert.rejects(medium.read(0, 10), /no/);
    fails = false;
    assert.deepEqual(await medium.read(0, bytes.length), bytes);
    assert.equal(now(medium, 0, 1), undefined);
    assert.deepEqual(now(medium, bytes.length - 10, 10), bytes.slice(-10));
  });
});

describe('a server', () => {
  const bytes = pattern(300_000);

  test('with ranges is read in parts, which are reported', async () => {
    await using server = await imageServer(bytes);
    const reports: [number, number][] = [];
    const medium = await openUrl(server.url, (loaded, total) => reports.push([loaded, total]), []);
    assert.equal(medium.size, bytes.length);
    assert.deepEqual(await medium.read(100_000, 150_000), bytes.slice(100_000, 250_000));
    assert.ok(reports.length > 0 && reports.every(([loaded, total]) => loaded <= total && total === bytes.length), JSON.stringify(reports));
  });

  test('that fails for a while is asked again', async () => {
    await using server = await imageServer(bytes, { fail: 2 });
    const medium = await openUrl(server.url, () => {}, [1, 1]);
    server.fail(2);
    assert.deepEqual(await medium.read(200_000, 10), bytes.slice(200_000, 200_010));
    server.fail(3);
    await assert.rejects(medium.read(100_000, 10), { failure: 'IO', message: /cannot read .*: the server says 503 \(3 attempts\)/ });
  });

  test('that cannot be used is refused in one line', async () => {
    await using plain = await imageServer(bytes, { ranges: false });
    await assert.rejects(openUrl(plain.url, () => {}, []), /the server has no ranges .*serve the image by a server that has them, or give its bytes/);
    await assert.rejects(openUrl(`${plain.url}/nothing`, () => {}, []), /the server says 404/);
    await using closed = await imageServer(bytes);
    await closed[Symbol.asyncDispose]();
    await assert.rejects(openUrl(closed.url, () => {}, [1]), /cannot read .*\(2 attempts\)/);
  });

  test('whose file becomes another is noticed', async () => {
    await using server = await imageServer(bytes);
    const medium = await openUrl(server.url, () => {}, []);
    server.tag = '"another"';
    await assert.rejects(medium.read(200_000, 10), /has changed on the server/);
  });
});

describe('a file', () => {
  test('is read and written in place', async () => {
    const path = join(folder, 'disk.img');
    writeFileSync(path, pattern(1000));
    const { file, writable } = openPath(path, true);
    const medium = new FileMedium(path, file, writable);
    assert.deepEqual([medium.size, medium.writable], [1000, true]);
    medium.writeNow(10, new Uint8Array([1, 2, 3]));
    medium.flushNow();
    assert.deepEqual([...readFileSync(path).subarray(10, 13)], [1, 2, 3]);
    assert.deepEqual([...(await medium.read(998, 4))], [...pattern(1000).slice(998), 0, 0]);
    truncateSync(path, 100);
    assert.throws(() => now(medium, 0, 1000), /900 bytes are missing/);
    medium.close();
    assert.throws(() => openPath(folder, false), /no regular file/);
    assert.throws(() => openPath(join(folder, 'nothing'), false), /no such file/);
  });
});

describe('changes in a file', () => {
  const base = pattern(3 << 20);

  test('survive, and cover the image', async () => {
    const path = join(folder, 'changes');
    const open = (medium: Medium): OverlayMedium => new OverlayMedium(path, medium, createPath(path));
    const expected = base.slice();
    const first = open(new BytesMedium(base.slice()));
    // More than one group of chunks.
    for (let n = 0; n < 600; n++) {
      const bytes = new Uint8Array(5000).fill(n);
      const at = (n * 4777) % (base.length - 5000);
      assert.ok(first.writeNow(at, bytes));
      expected.set(bytes, at);
    }
    first.flushNow();
    assert.deepEqual(await first.read(0, base.length), expected);
    first.close();
    // The second time over an image that answers later.
    const slow = open(new CachedMedium(base.length, async (offset, length) => base.slice(offset, offset + length)));
    assert.equal(slow.writeNow(base.length - 100, new Uint8Array(10).fill(9)), false);
    await slow.write(base.length - 100, new Uint8Array(10).fill(9));
    expected.fill(9, base.length - 100, base.length - 90);
    assert.deepEqual(await slow.read(0, base.length), expected);
    assert.deepEqual(now(slow, 5, 4100), expected.slice(5, 4105));
    slow.close();
    assert.throws(() => open(new BytesMedium(new Uint8Array(512))), /holds changes to an image of 3145728 bytes, and this one has 512/);
    writeFileSync(path, 'something else');
    assert.throws(() => open(new BytesMedium(base)), /holds no changes of v64's/);
  });
});

describe('qcow2', () => {
  const bits = 12;
  const cluster = 1 << bits;
  const size = 5 * cluster + 512;

  /** An image: cluster 0 as it is, 1 packed, 2 missing, 3 marked as zeros, 4 and 5 missing. */
  function image(change: (header: DataView) => void = () => {}): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(6 * cluster);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, 0x514649fb);
    view.setUint32(4, 3);
    view.setUint32(20, bits);
    view.setBigUint64(24, BigInt(size));
    view.setUint32(36, 1);
    view.setBigUint64(40, BigInt(cluster));
    view.setUint32(100, 104);
    view.setBigUint64(cluster, (1n << 63n) | BigInt(2 * cluster));
    view.setBigUint64(2 * cluster, (1n << 63n) | BigInt(3 * cluster));
    bytes.set(pattern(cluster), 3 * cluster);
    const packed = deflateRawSync(new Uint8Array(cluster).fill(0x55));
    const at = 4 * cluster + 100;
    bytes.set(packed, at);
    const sectors = Math.ceil((packed.length + (at % 512)) / 512) - 1;
    view.setBigUint64(2 * cluster + 8, (1n << 62n) | (BigInt(sectors) << BigInt(62 - (bits - 8))) | BigInt(at));
    view.setBigUint64(2 * cluster + 24, 1n);
    change(view);
    return bytes;
  }

  test('is read: clusters as they are, packed, missing, zeros', async () => {
    const medium = await Qcow2Medium.open('a.qcow2', new BytesMedium(image()));
    assert.equal(medium.size, size);
    assert.equal(now(medium, 0, 16), undefined);
    const whole = await medium.read(0, size);
    assert.deepEqual(whole.slice(0, cluster), pattern(cluster));
    assert.ok(whole.slice(cluster, 2 * cluster).every((byte) => byte === 0x55));
    assert.ok(whole.slice(2 * cluster).every((byte) => byte === 0));
    assert.deepEqual(now(medium, cluster - 1, 2), new Uint8Array([pattern(cluster)[cluster - 1] ?? 0, 0x55]));
    assert.throws(() => medium.writeNow(), { failure: 'READ_ONLY' });
  });

  test('that cannot be read is refused in one line', async () => {
    const wrong: [(header: DataView) => void, RegExp][] = [
      [(view) => view.setBigUint64(8, 4096n), /changes another image/],
      [(view) => view.setUint32(32, 1), /encrypted/],
      [(view) => view.setBigUint64(72, 16n), /features/],
      [(view) => view.setUint32(20, 60), /clusters of 2\^60/],
      [(view) => view.setUint32(36, 0), /table of clusters is damaged/],
      [(view) => view.setBigUint64(40, 1n << 40n), /table of clusters is damaged/],
    ];
    for (const [change, message] of wrong) {
      await assert.rejects(Qcow2Medium.open('a.qcow2', new BytesMedium(image(change))), message);
    }
    const broken = await Qcow2Medium.open('a.qcow2', new BytesMedium(image((view) => view.setBigUint64(cluster, 1n << 40n))));
    await assert.rejects(broken.read(0, 10), /the image is damaged; check it by qemu-img check/);
    const junk = image((view) => new Uint8Array(view.buffer).fill(0xff, 4 * cluster + 100, 4 * cluster + 200));
    const unpackable = await Qcow2Medium.open('a.qcow2', new BytesMedium(junk));
    await assert.rejects(unpackable.read(cluster, 10), /the image is damaged/);
  });
});
