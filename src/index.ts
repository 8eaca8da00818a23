/**
 * langchain-strata: the caching and memory layer for LangChain.js. Importing this file loads no optional client library.
 */

// The cache of model answers, and its tiers.
export { TieredCache, type ForgetReceipt } from "./cache/tiered-cache.ts";
export type { CacheConfiguration, TieredCacheOptions } from "./cache/cache-options.ts";
export type { RolloutOptions, ScopeRollout } from "./cache/rollout.ts";
export type { WarmOptions, WarmProgress, WarmReport } from "./cache/warm.ts";
export { PopularQuestions, type PopularQuestion, type PopularQuestionsOptions } from "./cache/prediction/popular-questions.ts";
export { keepWarm, warmPopular, type KeepWarmOptions, type WarmPopularOptions } from "./cache/prediction/keep-warm.ts";
export { cached, type CachedOptions } from "./cache/cached.ts";
export { cacheModel, type CacheModelOptions } from "./cache/model/cached-model.ts";
export { memoryTier, type MemoryTierOptions } from "./cache/tiers/memory.ts";
export { diskTier, type DiskTierOptions } from "./cache/tiers/disk.ts";
export { archiveTier, type ArchiveTierOptions } from "./cache/tiers/archive.ts";
export { baseCacheTier } from "./cache/tiers/base-cache.ts";
export { encryptedTier, type EncryptedTierOptions } from "./cache/tiers/encrypted.ts";
export type {
  CacheTier,
  Question,
  TierChange,
  TierEntry,
  TierFilter,
  TierHost,
  TierLimits,
  TierReadOptions,
  TierSize,
} from "./cache/tier.ts";
export type { DistributedFlight, EnterOptions } from "./cache/distributed-flight.ts";
export type { GetOptions, SetOptions } from "./cache/json-values.ts";
export type { CompressionAlgorithm } from "./cache/compression.ts";
export type { CacheStats } from "./cache/cache-stats.ts";
export type { LevelStats } from "./cache/level.ts";
export type { CallContext, CallControl, ScopeOption } from "./cache/call-control.ts";
export { hitOf } from "./cache/response-codec.ts";
export type { HitMetadata, JsonObject, StoredAnswer, StoredGeneration, StoredMessage } from "./cache/response-codec.ts";
export type { Admit } from "./cache/admission.ts";
export type { Eviction, EvictionName } from "./cache/eviction.ts";
export type { CacheTuning } from "./cache/tuning/cache-tuning.ts";
export type { TuningDecision } from "./cache/tuning/decision.ts";
export type { TuningSetting } from "./cache/tuning/tunable.ts";
export type { TierBounds, TuningMode, TuningOptions } from "./cache/tuning/tuning-options.ts";

// Encryption at rest.
export type { EncryptionKey, EncryptionOptions, KeyRing, KeyScope } from "./encryption/key-ring.ts";
export { keysFromFile, type KeySet, type SecretKey } from "./encryption/secret-key.ts";
export { staticKeys } from "./encryption/rings/static-keys.ts";
export { scopedKeys, type ScopedKeys, type ScopedKeysOptions } from "./encryption/rings/scoped-keys.ts";
export type { KeyStore, WrappedKey } from "./encryption/key-store.ts";
export { fileKeyStore, type FileKeyStoreOptions } from "./encryption/stores/file.ts";
export { sqlKeyStore, type SqlKeyStoreOptions } from "./encryption/stores/sql.ts";

// Answers to questions that were asked in other words.
export type { SemanticDeadlines, SemanticOptions } from "./cache/semantic/semantic-options.ts";
export type { SemanticStats, Verdicts } from "./cache/semantic/semantic-stats.ts";
export type { SemanticExtra } from "./cache/semantic/turn.ts";
export type { Verifier, VerifierInput } from "./cache/semantic/verifier.ts";
export { llmVerifier, type LlmVerifierOptions } from "./cache/semantic/llm-verifier.ts";
export type { AdaptedAnswer, Adapter } from "./cache/semantic/adapter.ts";
export { llmAdapter, type LlmAdapterOptions } from "./cache/semantic/llm-adapter.ts";
export type { SimilarEntry, SimilarOptions } from "./cache/semantic/similar.ts";
export type { Cluster, ClusterOptions } from "./cache/semantic/clusters.ts";

// Which of the answers to similar questions may be served.
export { calibratedPolicy, type CalibratedPolicyOptions } from "./cache/semantic/policies/calibrated.ts";
export { staticPolicy, type StaticPolicyOptions } from "./cache/semantic/policies/static.ts";
export type {
  SemanticAction,
  SemanticCandidate,
  SemanticDecision,
  SemanticOutcome,
  SemanticQuestion,
  SimilarityPolicy,
} from "./cache/semantic/similarity-policy.ts";

// Where similar vectors are found.
export { flatIndex, type FlatIndexOptions } from "./vectors/indexes/flat.ts";
export { vectorStoreIndex, type VectorStoreIndexOptions } from "./vectors/indexes/vector-store.ts";
export type { VectorStoreDialect, VectorStoreDialectName } from "./vectors/indexes/vector-store-dialects.ts";
export type {
  VectorFilter,
  VectorIndex,
  VectorIndexStats,
  VectorMatch,
  VectorRecord,
  VectorSearch,
} from "./vectors/vector-index.ts";

// Conversations that are kept.
export {
  ConversationStore,
  type ConversationPage,
  type OwnerEmbedding,
  type HistoryForgetReceipt,
  type HistoryOptions,
  type ListedMessage,
  type MessagePage,
  type TurnPage,
} from "./history/conversation-store.ts";
export type { ConversationStoreOptions } from "./history/store-options.ts";
export { HybridChatMessageHistory, isSummaryMessage, type AddOptions } from "./history/chat-history.ts";
export type {
  ConversationFilter,
  ConversationInfo,
  MessageFilter,
  OwnerTurn,
  TurnFilter,
} from "./history/tables/conversation-catalog.ts";
export { scopedOwner } from "./history/scoped-owner.ts";
export { importHistory, type HistorySource, type ImportOptions, type ImportReport } from "./history/imports/import-history.ts";
export type { PostgresHistorySource } from "./history/imports/postgres-rows.ts";
export type { RedisHistorySource } from "./history/imports/redis-lists.ts";
export type { MessageName } from "./history/tables/message-changes.ts";
export type { WindowOptions } from "./history/context-window.ts";
export { estimateTokens, type CountTokens } from "./history/tokens.ts";
export type { OwnerSummary, OwnerSummaryOptions, SessionSummary } from "./history/summaries/owner-summary.ts";
export type { SummaryModel } from "./history/summaries/summarizer.ts";

// What was said is found again.
export { AdaptiveMemoryRetriever } from "./memory/memory-retriever.ts";
export type { ChangeOptions, InspectOptions, InspectPage, RememberedMessage } from "./memory/turns/remembered-messages.ts";
export type { AdaptiveMemoryRetrieverOptions, QueryCacheOptions } from "./memory/retriever-options.ts";
export type { Degradation, MemoryMetadata, Recall, RecallOptions } from "./memory/recall.ts";
export type { RecallSource, Strategy } from "./memory/strategy.ts";
export type { CustomSearch, CustomStrategy, RelevantOptions, ScoredMessage, SearchedMessage } from "./memory/custom-strategy.ts";
export type { StrategyStats, StrategyUse } from "./memory/strategy-log.ts";
export type { QueryRouter, RouterOpinion } from "./memory/routers/linear-router.ts";
export type { TurnSource } from "./memory/turns/turn-source.ts";
export type { NearSearch, NearTurn, SessionState, TurnSearch } from "./history/tables/turn-search.ts";
export { quoteRecalled, type QuoteOptions } from "./memory/quoting.ts";

// Embeddings that are kept.
export { CachedEmbeddings } from "./embeddings/cached-embeddings.ts";
export type { CachedEmbeddingsOptions, NearDuplicateOptions } from "./embeddings/cached-embeddings-options.ts";
export type { EmbeddingsStats } from "./embeddings/embedding-stats.ts";
export type { WarmEmbeddingsOptions, WarmEmbeddingsReport } from "./embeddings/warm-embeddings.ts";

// Chat history: where messages are kept.
export { hybridLog, type HybridLogOptions } from "./history/logs/hybrid.ts";
export { memoryLog } from "./history/logs/memory.ts";
export { postgresLog, type PostgresLogOptions } from "./history/logs/postgres.ts";
export { startHistoryWriter, type HistoryWriter, type HistoryWriterOptions } from "./history/redis/start-writer.ts";
export { archiveHistory, type ArchiveHistoryOptions, type ArchiveReport } from "./history/tables/archive.ts";
export { embedMessages, type EmbedMessagesOptions } from "./history/tables/embed-messages.ts";
export type { EmbeddingOptions } from "./history/tables/message-vectors.ts";
export type { Durability } from "./history/hybrid-log.ts";
export type {
  AppendOptions,
  AppendResult,
  Conversation,
  ConversationNotes,
  LogMessage,
  MessageLog,
  ReadRange,
  StoredMessage as StoredLogMessage,
  WaitingTalk,
} from "./history/message-log.ts";

// Documents in a better order.
export { RerankCompressor, type ExplainOptions, type RerankStats } from "./rerank/rerank-compressor.ts";
export type { RerankCompressorOptions } from "./rerank/rerank-options.ts";
export type { Calibrate } from "./rerank/calibration.ts";
export {
  calibrateFromLabels,
  labelsOf,
  type CalibrateFromLabelsOptions,
  type LabelledScore,
} from "./rerank/calibrate-from-labels.ts";
export type { RerankTrace } from "./rerank/rerank-trace.ts";
export type { FusionMethod } from "./rerank/fusion.ts";
export type { ScoreCacheOptions } from "./rerank/score-cache.ts";
export type { RerankCallOptions, RerankedText, Reranker, RerankUsage, ScoreKind } from "./rerank/reranker.ts";
export { RerankProviderError, type RerankFault } from "./rerank/provider-error.ts";
export { lexicalReranker, type LexicalRerankerOptions } from "./rerank/rerankers/lexical.ts";
export type { Bm25Options } from "./rerank/rerankers/bm25.ts";
export {
  cohereReranker,
  infinityReranker,
  jinaReranker,
  mixedbreadReranker,
  teiReranker,
  vllmReranker,
  voyageReranker,
  type HostedRerankerOptions,
  type ServerRerankerOptions,
} from "./rerank/rerankers/hosted.ts";
export type { HttpRerankerOptions } from "./rerank/rerankers/http-reranker.ts";
export { scoredRetriever, type ScoredRetrieverOptions, type ScoringStore } from "./rerank/scored-retriever.ts";

// When reranking pays, and what it did.
export { adaptivePolicy, type AdaptivePolicy, type AdaptivePolicyOptions, type RerankRule } from "./rerank/policies/adaptive.ts";
export { rerankPreset, type RerankEnvironment, type RerankPreset } from "./rerank/policies/presets.ts";
export type { RerankDecision, RerankPolicy, RerankReason, RerankSituation } from "./rerank/rerank-policy.ts";
export type { RerankReport, RerankReportRow } from "./rerank/rerank-report.ts";
export type { RerankVerdict } from "./rerank/rerank-run.ts";
export { renderRerankHtml } from "./rerank/reports/html.ts";
export { renderRerankText, type TerminalReportOptions } from "./rerank/reports/terminal.ts";
export {
  evaluateRerank,
  type EvaluateRerankOptions,
  type PolicyEvaluation,
  type QueryEvaluation,
  type RerankCase,
  type RerankEvaluation,
} from "./rerank/evaluate-rerank.ts";
export type { RankingMetrics } from "./rerank/evaluation/metrics.ts";
export type { Interval } from "./rerank/evaluation/resampling.ts";

// The whole system from one config.
export { createStrata, type CreateStrataOptions } from "./create-strata.ts";
export {
  Strata,
  type ChatCounts,
  type StrataParts,
  type StartDashboardOptions,
  type StrataStats,
  type WarmUpOptions,
} from "./system/strata.ts";
export type { AddContextOptions, KnowledgeSource, SearchOptions } from "./system/documents/knowledge.ts";
export type * from "./system/config/strata-config.ts";
export type {
  AgedJob,
  BackupJob,
  MaintenanceConfig,
  MaintenanceJob,
  PlainJob,
  UnusedJob,
} from "./system/config/maintenance-config.ts";
export type { ForgetOptions, ForgetWho, SystemForgetReceipt } from "./system/forgetting.ts";
export type { PartHealth } from "./system/health.ts";
export type { ConfigVariables } from "./system/config/config-file.ts";
export type { ChatOptions } from "./system/chat/chat-options.ts";
export type { TemplateName } from "./system/chat/chat-template.ts";
export type { ChatEvent, ChatFailure, ChatResult, ChatSavings, ChatTimings } from "./system/chat/chat-result.ts";

// Prompts: versions, checked variables, fixed beginnings, and what a reasoning model thought.
export {
  PromptLibrary,
  type GetPromptOptions,
  type PromptInfo,
  type PromptInput,
  type PromptLibraryOptions,
} from "./prompts/prompt-library.ts";
export type { PromptSpec, VariablesOf } from "./prompts/prompt-spec.ts";
export type { VariablesIn } from "./prompts/template-text.ts";
export type { SystemPlace } from "./prompts/compile-prompt.ts";
export type { PromptSavings } from "./prompts/prompt-usage.ts";
export { splitThinking, thinkSplitter, type SplitAnswer, type ThinkOptions, type ThinkSplitter } from "./prompts/thinking.ts";
export { generalPrompts } from "./prompts/templates/general.ts";
export { tradingPrompts } from "./prompts/templates/trading.ts";

// Documents that are found again.
export { DocumentStore, type DocumentInfo } from "./rag/document-store.ts";
export type { DocumentStoreOptions } from "./rag/document-places.ts";
export type { PreparedDocument } from "./rag/prepared-document.ts";
export type { DocumentCallOptions, DocumentSearchOptions, FoundMetadata } from "./rag/search-options.ts";
export type {
  Chunk,
  ChunkPlace,
  DocumentHeader,
  DocumentTable,
  Metadata,
  StoredDocument,
  TableScope,
} from "./rag/document-table.ts";
export { CachedRetriever, type CachedRetrieverOptions, type CachedRetrieverStats } from "./rag/cached-retriever.ts";
export { ContextBuilder, type BuiltContext, type ContextBuilderOptions, type ContextSource } from "./rag/context-builder.ts";
export { ingest, removeIngested, type IngestOptions, type IngestProgress, type IngestReport } from "./rag/ingest.ts";
export type { AddableStore } from "./rag/ingest-target.ts";
export type { IngestSource } from "./rag/sources.ts";
export type { SplitOptions } from "./rag/chunk-text.ts";

// Backups.
export { backup, type BackupOptions, type BackupProgress, type BackupReport } from "./maintenance/backup/backup.ts";
export { restore, type RestoreOptions, type RestoreReport } from "./maintenance/backup/restore.ts";
export { verifyBackup, type BackupVerification, type VerifyBackupOptions } from "./maintenance/backup/verify.ts";
export { redactBackup, type RedactOptions, type RedactReport } from "./maintenance/backup/redact.ts";
export {
  forgettingLog,
  type Forgetting,
  type ForgettingLog,
  type ForgettingLogOptions,
} from "./maintenance/backup/forgetting-log.ts";
export type { ForgottenOwners } from "./maintenance/backup/forgotten-owners.ts";
export type { BackupKey, BackupSignature } from "./maintenance/backup/backup-key.ts";
export type { BackupPart, BackupRecord, PutRecord, RestoredPart, RestorePartOptions } from "./maintenance/backup/backup-part.ts";
export type { OwnerMark } from "./maintenance/backup/owner-mark.ts";
export { tierPart, type TierPartOptions } from "./maintenance/backup/parts/tier-part.ts";
export { historyPart, type HistoryPartOptions } from "./maintenance/backup/parts/history-part.ts";
export { recordsPart, type ListedRecord, type RecordsPartOptions } from "./maintenance/backup/parts/records-part.ts";

// Maintenance: what can be looked at before it is done, and done on a schedule.
export type { MaintenanceTask, TaskBudget, TaskPlan, TaskProgress, TaskReport, TaskRunOptions } from "./maintenance/task.ts";
export type { EntriesTaskOptions } from "./maintenance/tasks/entries-task.ts";
export {
  damagedEntries,
  expiredEntries,
  oldEmbeddings,
  unusedEntries,
  type OldEmbeddingsOptions,
  type UnusedEntriesOptions,
} from "./maintenance/tasks/cleanup.ts";
export { reencryptValues } from "./maintenance/tasks/reencrypt-values.ts";
export { reencryptMessages, type ReencryptMessagesOptions } from "./maintenance/tasks/reencrypt-messages.ts";
export { rewrapKeys, type RewrapKeysOptions } from "./maintenance/tasks/rewrap-keys.ts";
export { orphanedQuestions, type OrphanedQuestionsOptions } from "./maintenance/tasks/orphaned-questions.ts";
export {
  archiveConversations,
  oldMessageEmbeddings,
  orphanedHistory,
  reembedMessages,
  type AgedHistoryOptions,
  type HistoryTaskOptions,
  type ReembedOptions,
} from "./maintenance/tasks/history-tasks.ts";
export { eraseDeletedRows, optimizeTables, reindexTables, type TablesTaskOptions } from "./maintenance/tasks/tables-tasks.ts";
export {
  dropDeadLetters,
  listDeadLetters,
  retryDeadLetters,
  type DeadLetterInfo,
  type DropDeadLettersOptions,
} from "./maintenance/tasks/dead-letters.ts";
export {
  rebuildSearch,
  rebuildTier,
  rebuildVectors,
  type RebuildReport,
  type RebuildTierOptions,
  type RebuildVectorsOptions,
} from "./maintenance/rebuild.ts";
export { automaticBackup, type AutomaticBackupOptions } from "./maintenance/tasks/backup-task.ts";
export { startScheduler, type ScheduledJob, type Scheduler, type SchedulerOptions } from "./maintenance/schedule/scheduler.ts";
export type { ScheduleLease, ScheduleLeases } from "./maintenance/schedule/schedule-leases.ts";
export { localLeases } from "./maintenance/schedule/local-leases.ts";
export { postgresLeases } from "./maintenance/schedule/postgres-leases.ts";

// How long things take: yours and ours.
export { benchmark, type BenchCase, type BenchmarkOptions } from "./bench/benchmark.ts";
export { parseBenchReport, type BenchMachine, type BenchReport, type BenchTiming } from "./bench/bench-report.ts";
export { compare, type BenchChange, type BenchComparison } from "./bench/compare.ts";
export { profile, type Profile, type ProfileOptions } from "./bench/profile.ts";
export { ragSuite, type RagQuestion, type RagSubject, type RagSuiteOptions } from "./bench/rag-suite.ts";
export { renderBenchHtml, renderBenchText, renderComparisonText } from "./bench/render.ts";

// Words that all parts share.
export type { Scope } from "./core/scope.ts";
export type { Digest } from "./core/key.ts";
export type { ByteSize, Duration } from "./core/options.ts";
export type { Json } from "./core/plain.ts";
export type { CallOptions, MaybePromise } from "./core/abort.ts";
export { manualClock, systemClock, type Clock, type ManualClock } from "./core/clock.ts";

// What goes wrong, and what happens.
export { StrataConfigError, StrataError, type StrataErrorCode } from "./core/errors.ts";
export type * from "./core/events.ts";

// What happens, as numbers.
export { createMetrics, type MetricsOptions } from "./observability/create-metrics.ts";
export type { DurationKind, ExportOptions, Metrics } from "./observability/metrics.ts";
export type * from "./observability/metrics-snapshot.ts";
export { DEFAULT_PRICES, type ModelPrice, type PriceTable } from "./observability/prices.ts";
export type { Histogram } from "./core/histogram.ts";
export type {
  PlainSeries,
  SeriesHistory,
  SeriesInfo,
  SeriesName,
  SeriesPoint,
  SeriesShape,
  StrategyName,
  TierSeries,
} from "./observability/series.ts";
export type { WatchedCache } from "./observability/watched-caches.ts";
export type { Alert } from "./observability/alert.ts";
export { alerts, type Alerts, type AlertsOptions, type AlertStatus } from "./observability/alerts.ts";
export { DEFAULT_ALERT_RULES, type AlertMetric, type AlertRule, type AlertSeverity } from "./observability/alert-rule.ts";
export type { AlertPhase } from "./observability/alert-state.ts";
export type { AlertWebhook } from "./observability/alert-webhook.ts";
export { correlate } from "./observability/correlation.ts";
export { fanOut } from "./observability/fan-out.ts";
export { jsonLog, type JsonLogOptions, type LogStream } from "./observability/json-log.ts";
