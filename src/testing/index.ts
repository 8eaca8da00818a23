/**
 * For tests of what is built on this package, or plugged into it: contracts of its seams as suites, scripted faults, a clock that
 * moves by hand, and an offline stand-in of the DeepSeek API. The suites need `vitest`, some of them `fast-check`; both are
 * optional peers.
 */
export { describeTier, type MakeTier, type TierCapabilities, type TierContext } from "./describe-tier.ts";
export {
  chaos,
  corrupt,
  delay,
  fail,
  hang,
  ok,
  type ChaosOperation,
  type ChaosScript,
  type ChaosStep,
  type ChaosTier,
} from "./chaos.ts";
export { manualClock, type ManualClock } from "../core/clock.ts";
export { describeEviction } from "./describe-eviction.ts";
export { describeSimilarityPolicy } from "./describe-similarity-policy.ts";
export {
  describeMessageLog,
  type MakeMessageLog,
  type MessageLogCapabilities,
  type MessageLogContext,
} from "./describe-message-log.ts";
export { startDeepSeekStandIn, type DeepSeekStandIn } from "./deepseek-stand-in/start.ts";
export type { DeepSeekStandInOptions } from "./deepseek-stand-in/options.ts";
export type { StandInCall } from "./deepseek-stand-in/call-log.ts";
export type { UsageChunk } from "./deepseek-stand-in/completion.ts";
export type { ErrorStatus } from "./deepseek-stand-in/api-error.ts";
export type { StandInFailure } from "./deepseek-stand-in/failure.ts";
export type { StandInModel } from "./deepseek-stand-in/models.ts";
export type { StandInDelay } from "./deepseek-stand-in/pacing.ts";
export type {
  ChatMessage,
  ChatRequest,
  ChatTool,
  ChatToolCall,
  ChatUsage,
  ContentPart,
  FinishReason,
  JsonSchema,
  ToolChoice,
} from "./deepseek-stand-in/protocol.ts";
export type { ReplyFunction, StandInReply } from "./deepseek-stand-in/reply.ts";
export {
  describeVectorIndex,
  type MakeVectorIndex,
  type VectorIndexCapabilities,
  type VectorIndexContext,
} from "./describe-vector-index.ts";
export { describeBackupPart, type BackupPartBed, type BackupPlace, type MakeBackupPart } from "./describe-backup-part.ts";
export { describeReranker, type MakeReranker, type RerankerCapabilities } from "./describe-reranker.ts";
export {
  describeMaintenanceTask,
  type MaintenanceTaskBed,
  type MaintenanceTaskCapabilities,
  type MakeMaintenanceTask,
} from "./describe-maintenance-task.ts";
export { describeScheduleLeases, type MakeScheduleLeases, type ScheduleLeasesBed } from "./describe-schedule-leases.ts";
export { describeKeyRing, type KeyRingCapabilities, type MakeKeyRings } from "./describe-key-ring.ts";
export { describeKeyStore, type MakeKeyStores } from "./describe-key-store.ts";
export { describeDocumentTable, type DocumentTableCapabilities, type MakeDocumentTable } from "./describe-document-table.ts";
export { describeSqlClient, type SqlClientCapabilities } from "./describe-sql-client.ts";
export { describeStrategy, type MakeStrategy, type StrategyCapabilities } from "./describe-strategy.ts";
