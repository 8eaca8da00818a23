/**
 * What tells a retriever from every other one of its class, for whoever keeps what it found.
 *
 * LangChain has no name for that: whose documents a retriever searches stands in private fields, so that two of them look the same from
 * outside. Our own say it here. Kept beside the retrievers and not on them: it is no part of their public interface, and no object that
 * looks like one of ours can claim another's identity.
 */
import type { MaybePromise } from "./abort.ts";
import type { Json } from "./plain.ts";

export interface RetrievalIdentity {
  /** What is searched: the same for all who search the same place, in other processes too if the place outlives this one. */
  index(): MaybePromise<Json>;
  /**
   * Whose part of it, and with which settings: everything else that changes what one call finds. People are named by digests.
   * @param config of the call, as the retriever itself will see it
   * @throws where the retriever would refuse the call, for want of an owner or a scope
   */
  asked(config: { readonly configurable?: Record<string, unknown> }): Json;
}

const identities = new WeakMap<object, RetrievalIdentity>();

/** A retriever makes known what it is. Not for subclasses that others write: they may depend on more. */
export function offerIdentity(retriever: object, identity: RetrievalIdentity): void {
  identities.set(retriever, identity);
}

/** `undefined` for a retriever that is none of this copy of the package. */
export function retrievalIdentity(retriever: object): RetrievalIdentity | undefined {
  return identities.get(retriever);
}
