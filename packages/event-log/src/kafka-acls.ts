import kafkajs from "kafkajs";
import type { AclOperationTypes as AclOperationType } from "kafkajs";
import { topics } from "./event-log.ts";
import { KafkaClient } from "./kafka-client.ts";
import type { KafkaConnectionOptions } from "./kafka-connection.ts";

// Node finds only some of the names that this CommonJS module exports.
const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;

export type KafkaOperation = "Read" | "Write" | "Create" | "Describe" | "DescribeConfigs";

/** Lets one principal do something with one topic, or with those whose names begin so. */
export interface KafkaAcl {
  /** As Kafka names it: `User:zone-east`. */
  principal: string;
  topic: string;
  isPrefix: boolean;
  operations: readonly KafkaOperation[];
}

export interface ZonePrincipal {
  zone: string;
  principal: string;
  topicPrefix?: string;
}

const reading: readonly KafkaOperation[] = ["Read", "Describe", "DescribeConfigs"];
const owning: readonly KafkaOperation[] = [...reading, "Write", "Create"];

/** What a zone may do: read the configuration and every zone's inventory; write its own three topics and nothing else. */
export function zoneAcls({ zone, principal, topicPrefix = "" }: ZonePrincipal): KafkaAcl[] {
  const acl = (topic: string, isPrefix: boolean, operations: readonly KafkaOperation[]): KafkaAcl => ({
    principal,
    topic: topicPrefix + topic,
    isPrefix,
    operations,
  });
  return [
    acl(topics.config, false, reading),
    acl(topics.configSnapshots, false, reading),
    acl(topics.inventory(""), true, reading),
    acl(topics.zone(zone), false, owning),
    acl(topics.inventory(zone), false, owning),
    acl(topics.lease(zone), false, owning),
  ];
}

/** What global and its token issuer may do: everything with the topics of Atoll. */
export function globalAcls({ principal, topicPrefix = "" }: Omit<ZonePrincipal, "zone">): KafkaAcl[] {
  return [{ principal, topic: `${topicPrefix}atoll.`, isPrefix: true, operations: owning }];
}

/** The same as commands of Kafka's own tools, for who may not, or does not want to, let Atoll do it. */
export function renderAclCommands(acls: readonly KafkaAcl[], bootstrapServer: string): string {
  return acls
    .map(({ principal, topic, isPrefix, operations }) =>
      [
        `kafka-acls.sh --bootstrap-server ${bootstrapServer} --add --allow-principal '${principal}'`,
        ...operations.map((operation) => `--operation ${operation}`),
        `--topic '${topic}' --resource-pattern-type ${isPrefix ? "prefixed" : "literal"}\n`,
      ].join(" "),
    )
    .join("");
}

const operationTypes: Readonly<Record<KafkaOperation, AclOperationType>> = {
  Read: AclOperationTypes.READ,
  Write: AclOperationTypes.WRITE,
  Create: AclOperationTypes.CREATE,
  Describe: AclOperationTypes.DESCRIBE,
  DescribeConfigs: AclOperationTypes.DESCRIBE_CONFIGS,
};

/** Creates them in Kafka; those that are there stay. Needs a principal that may alter the cluster. Throws `LogError`. */
export async function createKafkaAcls(connection: KafkaConnectionOptions, acls: readonly KafkaAcl[]): Promise<void> {
  const client = new KafkaClient(connection);
  const acl = acls.flatMap(({ principal, topic, isPrefix, operations }) =>
    operations.map((operation) => ({
      principal,
      host: "*",
      operation: operationTypes[operation],
      permissionType: AclPermissionTypes.ALLOW,
      resourceType: AclResourceTypes.TOPIC,
      resourceName: topic,
      resourcePatternType: isPrefix ? ResourcePatternTypes.PREFIXED : ResourcePatternTypes.LITERAL,
    })),
  );
  try {
    await client.call(({ broker }) => broker.createAcls({ acl }));
  } finally {
    client.close();
  }
}
