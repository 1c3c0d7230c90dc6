/** Type of the records in a zone's log that say what the services of a mesh speak. */
export const serviceProtocolType = "ServiceProtocol";

/**
 * What one service of one mesh speaks, as far as it was seen in one zone; the record is called by the service. It stays when the last
 * instance is gone, so that an outbound of it goes on as what it was. Services only write and read it; it is never on REST.
 */
export interface ServiceProtocolSpec {
  /** A value of `kuma.io/protocol` that is known. */
  protocol: string;
  /** Nobody has the service at present. */
  unused?: true;
}
