// Package conformance runs the Gateway API's own conformance suite against the cluster of $KUBECONFIG:
// https://gateway-api.sigs.k8s.io/concepts/conformance/
package conformance

import (
	"io/fs"
	"os"
	"testing"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	gatewayv1beta1 "sigs.k8s.io/gateway-api/apis/v1beta1"
	suitefiles "sigs.k8s.io/gateway-api/conformance"
	report "sigs.k8s.io/gateway-api/conformance/apis/v1"
	"sigs.k8s.io/gateway-api/conformance/tests"
	"sigs.k8s.io/gateway-api/conformance/utils/suite"
	"sigs.k8s.io/gateway-api/pkg/features"
	"sigs.k8s.io/yaml"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// claimed is what Kuma 2.10 claims to have, and Atoll with it.
var claimed = sets.New(
	features.SupportGateway,
	features.SupportGatewayHTTPListenerIsolation,
	features.SupportGatewayPort8080,
	features.SupportReferenceGrant,
	features.SupportHTTPRoute,
	features.SupportHTTPRouteHostRewrite,
	features.SupportHTTPRouteMethodMatching,
	features.SupportHTTPRouteParentRefPort,
	features.SupportHTTPRoutePathRedirect,
	features.SupportHTTPRoutePathRewrite,
	features.SupportHTTPRoutePortRedirect,
	features.SupportHTTPRouteQueryParamMatching,
	features.SupportHTTPRouteRequestMirror,
	features.SupportHTTPRouteResponseHeaderModification,
	features.SupportHTTPRouteSchemeRedirect,
	features.SupportMesh,
	features.SupportMeshConsumerRoute,
)

// TestConformance takes the name of one test alone from $CONFORMANCE_TEST, and writes its report to $CONFORMANCE_REPORT.
func TestConformance(t *testing.T) {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	must(t, err)
	c, err := client.New(config, client.Options{})
	must(t, err)
	must(t, gatewayv1.Install(c.Scheme()))
	must(t, gatewayv1beta1.Install(c.Scheme()))
	must(t, apiextensions.AddToScheme(c.Scheme()))
	clientset, err := kubernetes.NewForConfig(config)
	must(t, err)

	conformance, err := suite.NewConformanceTestSuite(suite.ConformanceOptions{
		Client:               c,
		RestConfig:           config,
		Clientset:            clientset,
		GatewayClassName:     "kuma",
		CleanupBaseResources: false,
		Debug:                os.Getenv("CONFORMANCE_DEBUG") != "",
		NamespaceLabels:      map[string]string{"kuma.io/sidecar-injection": "enabled"},
		ManifestFS:           []fs.FS{&suitefiles.Manifests},
		SupportedFeatures:    claimed,
		RunTest:              os.Getenv("CONFORMANCE_TEST"),
		Implementation: report.Implementation{
			Organization: "atoll", Project: "atoll", URL: "https://atoll.example", Version: "0.1.0", Contact: []string{"https://atoll.example"},
		},
		ConformanceProfiles: sets.New(suite.GatewayHTTPConformanceProfileName, suite.MeshHTTPConformanceProfileName),
	})
	must(t, err)
	conformance.Setup(t, tests.ConformanceTests)
	must(t, conformance.Run(t, tests.ConformanceTests))
	if path := os.Getenv("CONFORMANCE_REPORT"); path != "" {
		result, err := conformance.Report()
		must(t, err)
		text, err := yaml.Marshal(result)
		must(t, err)
		must(t, os.WriteFile(path, text, 0o644))
	}
}
