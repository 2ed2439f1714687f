// The saved state that this browser keeps, in a database of this origin: it survives a reload.

/** A machine that was saved here. */
export interface Kept {
  /** Name of its guest */
  name: string;
  /** Bytes of its memory */
  memory: number;
  /** When it was saved, in milliseconds since 1970 */
  at: number;
  state: Blob;
  /** Files of its drives that are not large, by their names and sizes; later versions alone have them */
  files?: Map<string, Blob>;
  /** What the guest sent to the terminal last */
  screen: Uint8Array<ArrayBuffer>;
}

const [DATABASE, STORE, KEY] = ['v64', 'states', 'last'];

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('the database gives no reason'));
  });
}

/** Works on the store in one transaction. Resolves when that is complete. */
async function transact<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const opening = indexedDB.open(DATABASE, 1);
  opening.onupgradeneeded = () => void opening.result.createObjectStore(STORE);
  const database = await done(opening);
  try {
    const transaction = database.transaction(STORE, mode);
    const complete = new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error ?? new Error('the transaction was aborted'));
    });
    const [result] = await Promise.all([done(work(transaction.objectStore(STORE))), complete]);
    return result;
  } finally {
    database.close();
  }
}

/** Keeps a state in place of the one before, which stays where there is no room. */
export async function keep(kept: Kept): Promise<void> {
  await transact('readwrite', (store) => store.put(kept, KEY));
  // Without it a browser may delete what it keeps when its disk is full.
  await navigator.storage?.persist?.().catch(() => false);
}

/** Returns what was kept last; `undefined` where there is nothing, or no storage at all. */
export async function kept(): Promise<Kept | undefined> {
  return transact('readonly', (store) => store.get(KEY) as IDBRequest<Kept | undefined>).catch(() => undefined);
}
