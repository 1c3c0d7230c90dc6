/**
 * HTTP/2 flow control windows of an edge proxy, as Envoy's guide for edge proxies has them: small enough that many slow clients
 * do not fill the memory. https://www.envoyproxy.io/docs/envoy/latest/configuration/best_practices/edge
 */
export const edgeHttp2Windows = { initialStreamWindowSize: 64 * 1024, initialConnectionWindowSize: 1024 * 1024 } as const;
