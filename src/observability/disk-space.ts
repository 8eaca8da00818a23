import { statfs } from "node:fs/promises";

export interface DiskSpace {
  readonly freeBytes: number;
  /** 0 to 1. */
  readonly usedShare: number;
}

/** How often it is asked, in samples: a file system on a network may take its time. */
const EVERY = 10;

/** How full the disks are on which some folders lie. Asked in the background; what was found last is given. */
export class DiskWatch {
  readonly #folders: readonly string[];
  readonly #onError: (error: unknown) => void;
  #fullest: DiskSpace | null = null;
  #samples = 0;
  #asking = false;

  constructor(folders: readonly string[], onError: (error: unknown) => void) {
    this.#folders = folders;
    this.#onError = onError;
  }

  get fullest(): DiskSpace | null {
    return this.#fullest;
  }

  /** Called with every sample. */
  look(): void {
    if (this.#samples++ % EVERY !== 0 || this.#asking || this.#folders.length === 0) return;
    this.#asking = true;
    void this.#ask().finally(() => (this.#asking = false));
  }

  async #ask(): Promise<void> {
    const found = await Promise.all(this.#folders.map((folder) => this.#space(folder)));
    const known = found.filter((space) => space !== undefined);
    this.#fullest = known.toSorted((a, b) => b.usedShare - a.usedShare)[0] ?? null;
  }

  async #space(folder: string): Promise<DiskSpace | undefined> {
    try {
      const { bsize, blocks, bavail } = await statfs(folder);
      return { freeBytes: bavail * bsize, usedShare: blocks === 0 ? 0 : 1 - bavail / blocks };
    } catch (error) {
      // The cache makes its folder when it is first used.
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") this.#onError(error);
      return undefined;
    }
  }
}
