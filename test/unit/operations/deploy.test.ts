/** The files for containers and clusters: no engine ran them, so their structure is held here. */
import { Ajv } from "ajv";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { optionsIn } from "../../../src/cli/commands/completion.ts";
import { COMMANDS } from "../../../src/cli/commands.ts";

const read = (name: string): string => readFileSync(new URL(`../../../docs/operations/deploy/${name}`, import.meta.url), "utf8");

const strings = { type: "array", items: { type: "string" } };
const labels = { type: "object", additionalProperties: { type: "string" } };
const quantities = {
  type: "object",
  properties: { cpu: { type: "string" }, memory: { type: "string" } },
  additionalProperties: false,
};
const probe = {
  type: "object",
  properties: {
    httpGet: {
      type: "object",
      required: ["path", "port"],
      properties: {
        path: { type: "string", pattern: "^/" },
        port: {},
        httpHeaders: { type: "array", items: { type: "object", required: ["name", "value"] } },
      },
      additionalProperties: false,
    },
    exec: { type: "object", required: ["command"], properties: { command: strings }, additionalProperties: false },
    periodSeconds: { type: "integer", minimum: 1 },
  },
  oneOf: [{ required: ["httpGet"] }, { required: ["exec"] }],
  additionalProperties: false,
};
const container = {
  type: "object",
  required: ["name", "image", "args", "livenessProbe", "resources", "securityContext"],
  properties: {
    ...{
      name: { type: "string" },
      image: { type: "string", pattern: ":[\\w.-]+$" },
      args: strings,
      livenessProbe: probe,
      readinessProbe: probe,
    },
    env: {
      type: "array",
      items: {
        type: "object",
        required: ["name"],
        properties: { name: {}, value: { type: "string" }, valueFrom: { type: "object" } },
        additionalProperties: false,
      },
    },
    ports: { type: "array", items: { type: "object", required: ["containerPort"] } },
    resources: {
      type: "object",
      required: ["requests", "limits"],
      properties: { requests: quantities, limits: quantities },
      additionalProperties: false,
    },
    securityContext: {
      type: "object",
      properties: { allowPrivilegeEscalation: { const: false }, readOnlyRootFilesystem: { const: true }, capabilities: {} },
      additionalProperties: false,
    },
    volumeMounts: { type: "array", items: { type: "object", required: ["name", "mountPath"] } },
  },
  additionalProperties: false,
};
const deployment = {
  type: "object",
  required: ["apiVersion", "kind", "metadata", "spec"],
  properties: {
    ...{ apiVersion: { const: "apps/v1" }, kind: { const: "Deployment" } },
    metadata: {
      type: "object",
      required: ["name"],
      properties: { name: { type: "string" }, labels },
      additionalProperties: false,
    },
    spec: {
      type: "object",
      required: ["selector", "template"],
      properties: {
        ...{
          replicas: { type: "integer" },
          strategy: { type: "object" },
          selector: { type: "object", required: ["matchLabels"] },
        },
        template: {
          type: "object",
          required: ["metadata", "spec"],
          properties: {
            metadata: { type: "object", required: ["labels"] },
            spec: {
              type: "object",
              required: ["containers", "terminationGracePeriodSeconds"],
              properties: {
                ...{ terminationGracePeriodSeconds: { type: "integer", minimum: 31 }, securityContext: { type: "object" } },
                ...{ containers: { type: "array", minItems: 1, items: container }, volumes: { type: "array" } },
              },
              additionalProperties: false,
            },
          },
          additionalProperties: false,
        },
      },
      additionalProperties: false,
    },
  },
  additionalProperties: false,
};

interface Deployment {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly selector: { readonly matchLabels: Record<string, string> };
    readonly template: {
      readonly metadata: { readonly labels: Record<string, string> };
      readonly spec: { readonly containers: readonly Container[]; readonly volumes: readonly { readonly name: string }[] };
    };
  };
}

interface Container {
  readonly args: readonly string[];
  readonly volumeMounts: readonly { readonly name: string }[];
  readonly livenessProbe: { readonly httpGet?: { readonly path: string } };
}

const ajv = new Ajv({ allErrors: true, strict: false });
const documents = parseAllDocuments(read("kubernetes.yaml")).map((document) => document.toJS() as Deployment);
const deployments = documents.filter(({ kind }) => kind === "Deployment");

/** What a command of ours is started with: it exists, and has every option. */
function expectCommand(args: readonly string[]): void {
  const command = COMMANDS.find(({ name }) => name === args[0]);
  expect(command, args[0]).toBeDefined();
  const options = args.filter((word) => word.startsWith("--"));
  expect(options.filter((option) => !optionsIn(command?.usage ?? "").includes(option))).toEqual([]);
}

describe("the Kubernetes manifests", () => {
  test("are two deployments, a service and a claim", () => {
    expect(documents.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([
      "Deployment strata-serve",
      "PersistentVolumeClaim strata-data",
      "Service strata-serve",
      "Deployment strata-worker",
    ]);
  });

  test.each(deployments)("have fields that exist: $metadata.name", (found) => {
    const validate = ajv.compile(deployment);
    expect(validate(found), JSON.stringify(validate.errors)).toBe(true);
    const { selector, template } = found.spec;
    expect(template.metadata.labels).toMatchObject(selector.matchLabels);
    const volumes = new Set(template.spec.volumes.map(({ name }) => name));
    for (const { args, volumeMounts } of template.spec.containers) {
      expectCommand(args);
      expect(volumeMounts.filter(({ name }) => !volumes.has(name))).toEqual([]);
    }
  });

  test("ask for health where the server answers", () => {
    expect(deployments[0]?.spec.template.spec.containers[0]?.livenessProbe.httpGet?.path).toBe("/health/live");
  });

  test("would be refused with a field that does not exist", () => {
    const broken = structuredClone(deployments[0]) as unknown as { spec: { template: { spec: Record<string, unknown> } } };
    broken.spec.template.spec["livenessProb"] = {};
    expect(ajv.compile(deployment)(broken)).toBe(false);
  });
});

describe("the compose file", () => {
  const { services, volumes } = parse(read("compose.yaml")) as {
    services: Record<
      string,
      { command?: string[]; volumes?: string[]; depends_on?: string[]; ports?: string[]; environment?: Record<string, string> }
    >;
    volumes: Record<string, unknown>;
  };

  test("starts commands that exist, over volumes and services that are declared", () => {
    for (const name of ["serve", "worker"]) expectCommand(services[name]?.command ?? []);
    for (const service of Object.values(services)) {
      for (const mount of service.volumes ?? []) expect(Object.keys(volumes)).toContain(mount.split(":")[0]);
      for (const other of service.depends_on ?? []) expect(Object.keys(services)).toContain(other);
    }
  });

  test("opens no port beyond this machine, and holds no secret", () => {
    for (const { ports = [] } of Object.values(services)) for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
    expect(services["serve"]?.environment?.["STRATA_TOKEN"]).toMatch(/^\$\{STRATA_TOKEN:\?/);
  });
});

test("the image starts a command that exists, as no root", () => {
  const text = read("Dockerfile");
  expectCommand(JSON.parse(/^CMD (\[.*\])$/m.exec(text)?.[1] ?? "[]") as string[]);
  expect(text).toMatch(/^USER node$/m);
  expect(text.indexOf("USER node")).toBeLessThan(text.indexOf("ENTRYPOINT"));
});
