package server

import (
	"net/http"

	"github.com/salesctl/salesctl/pkg/artifact"
)

// infoRoutes tell clients and pages what this server can do.
func (h *handler) infoRoutes() []route {
	return append(twins([]route{{http.MethodGet, "/3.0/mlflow/server-info", h.serverInfo}}),
		route{http.MethodGet, "/ajax-api/3.0/mlflow/ui-telemetry", noTelemetry},
		route{http.MethodPost, "/ajax-api/3.0/mlflow/ui-telemetry", refuseTelemetry},
		route{http.MethodGet, ajaxPath + "/gateway-proxy", noEndpoints},
	)
}

// serverInfo is what a client asks before it chooses how to upload, and the pages
// before they choose what to show. The gateway, which is no part of this server,
// stays hidden.
func (h *handler) serverInfo(w http.ResponseWriter, _ *http.Request) error {
	_, parts := h.Artifacts.(artifact.Multipart)
	_, presigns := h.Artifacts.(artifact.Presigner)
	return answer(w, map[string]any{
		"store_type":                          "SqlStore",
		"workspaces_enabled":                  h.Workspaces != nil,
		"trace_archival_enabled":              false,
		"multipart_uploads_enabled":           parts,
		"multipart_downloads_enabled":         presigns,
		"presigned_upload_run_id_supported":   true,
		"presigned_upload_model_id_supported": true,
		"features_enabled":                    map[string]bool{"gateway": false},
	})
}

// noTelemetry tells the pages to report to nobody what their users do.
func noTelemetry(w http.ResponseWriter, _ *http.Request) error {
	return answer(w, map[string]any{"disable_ui_telemetry": true, "disable_ui_events": []string{}, "ui_rollout_percentage": 0})
}

// refuseTelemetry drops what a page reports all the same.
func refuseTelemetry(w http.ResponseWriter, _ *http.Request) error {
	return answer(w, map[string]string{"status": "disabled"})
}

// noEndpoints tells the runs page that there is no gateway: without an answer it
// shows an error over its table.
func noEndpoints(w http.ResponseWriter, _ *http.Request) error {
	return answer(w, map[string][]string{"endpoints": {}})
}
