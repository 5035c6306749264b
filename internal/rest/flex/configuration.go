package flex

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"usher/internal/account"
	"usher/internal/fault"
	"usher/internal/flex"
	"usher/internal/rest"
	"usher/internal/sid"
)

// settable are the configuration's fields that a caller may store. Usher reads a few of them (the SIDs) and keeps the others for
// desks and plugins that do. (Names: the original's OpenAPI document.)
var settable = strings.Fields(`
	agent_conv_end_methods attributes call_recording_enabled call_recording_webhook_url channel_configs chat_service_instance_sid
	citrix_voice_vdi crm_attributes crm_callback_url crm_enabled crm_fallback_url crm_type debugger_integration
	flex_insights_drilldown flex_insights_hr flex_service_instance_sid flex_ui_status_report flex_url integrations markdown
	messaging_service_instance_sid notifications offline_config outbound_call_flows plugin_service_attributes
	plugin_service_enabled public_attributes queue_stats_configuration serverless_service_sids taskrouter_offline_activity_sid
	taskrouter_skills taskrouter_target_taskqueue_sid taskrouter_target_workflow_sid taskrouter_taskqueues
	taskrouter_worker_attributes taskrouter_worker_channels taskrouter_workspace_sid ui_attributes ui_dependencies ui_language
	ui_version`)

type configurationQuery struct {
	UIVersion string `form:"UiVersion"`
}

func getConfiguration(s Configurations) rest.Mount {
	return rest.Op[configurationQuery, map[string]any]{
		Method: http.MethodGet, Path: "/Configuration", Grants: []account.Grant{account.FlexRead},
		Do: func(ctx context.Context, c *rest.Call, _ configurationQuery) (map[string]any, error) {
			v, err := s.GetConfiguration(ctx, c.Actor)
			if err != nil {
				return nil, err
			}
			return viewConfiguration(c, v), nil
		},
	}
}

// setConfiguration takes a JSON document. It must name its account, as in the original, so that a document that was exported from
// one account is not loaded into another by mistake.
func setConfiguration(s Configurations) rest.Mount {
	return rest.Op[map[string]json.RawMessage, map[string]any]{
		Method: http.MethodPost, Path: "/Configuration", Grants: []account.Grant{account.FlexManage}, JSON: true,
		Do: func(ctx context.Context, c *rest.Call, in map[string]json.RawMessage) (map[string]any, error) {
			var named sid.SID
			if json.Unmarshal(in["account_sid"], &named) != nil || named == "" {
				return nil, fault.Invalid("Missing required parameter account_sid in the post body")
			}
			if named != c.Actor.AccountSID {
				return nil, fault.Invalid("Invalid value for parameter account_sid: not the account of the credentials")
			}
			fields := map[string]json.RawMessage{}
			for _, name := range settable {
				if v, ok := in[name]; ok {
					fields[name] = v
				}
			}
			v, err := s.UpdateConfiguration(ctx, c.Actor, fields)
			if err != nil {
				return nil, err
			}
			return viewConfiguration(c, v), nil
		},
	}
}

type publicQuery struct {
	AccountSID    sid.SID `form:"AccountSid"`
	RuntimeDomain string  `form:"RuntimeDomain,max=256"`
}

// publicConfiguration is what a desktop may know before anybody signs in. (Source: the original desktop's requests.)
func publicConfiguration(accounts Accounts, s Configurations) rest.Mount {
	return rest.Op[publicQuery, map[string]any]{
		Method: http.MethodGet, Path: "/Configuration/Public", Public: true,
		Do: func(ctx context.Context, c *rest.Call, in publicQuery) (map[string]any, error) {
			if !sid.Valid(string(in.AccountSID), sid.Account) {
				return nil, c.NotFound()
			}
			acc, err := accounts.Lookup(ctx, in.AccountSID)
			if err != nil {
				return nil, err
			}
			if acc.Status != account.Active {
				return nil, c.NotFound()
			}
			v, err := s.GetConfiguration(ctx, account.System(acc.ID, acc.SID))
			if err != nil {
				return nil, err
			}
			public := v.Fields["public_attributes"]
			if public == nil {
				public = json.RawMessage("{}")
			}
			return map[string]any{"account_sid": acc.SID, "runtime_domain": c.Origin(), "public_attributes": public}, nil
		},
	}
}

// viewConfiguration writes all fields, null where nothing is stored.
func viewConfiguration(c *rest.Call, v flex.Configuration) map[string]any {
	out := make(map[string]any, len(settable)+10)
	for _, name := range settable {
		out[name] = nil
		if field, ok := v.Fields[name]; ok {
			out[name] = field
		}
	}
	for name, s := range map[string]sid.SID{
		"taskrouter_workspace_sid": v.Workspace, "taskrouter_target_workflow_sid": v.Workflow, "taskrouter_target_taskqueue_sid": v.Queue,
		"taskrouter_offline_activity_sid": v.Offline, "chat_service_instance_sid": v.ChatService, "flex_service_instance_sid": v.Proxy,
	} {
		if s != "" {
			out[name] = s
		}
	}
	out["ui_attributes"] = compatible(v.Fields["ui_attributes"])
	out["account_sid"] = c.Actor.AccountSID
	out["date_created"], out["date_updated"] = c.Date(v.CreatedAt), c.Date(v.UpdatedAt)
	out["status"] = "ok"
	out["runtime_domain"] = c.Origin()
	out["flex_instance_sid"], out["service_version"] = nil, nil
	out["url"] = c.URL("/Configuration")
	return out
}

// compatible adds the field without which the original's desktop refuses to start; it is the service's word, not the operator's.
func compatible(stored json.RawMessage) map[string]any {
	out := map[string]any{}
	if json.Unmarshal(stored, &out) != nil || out == nil {
		out = map[string]any{}
	}
	if _, said := out["version_compatibility"]; !said {
		out["version_compatibility"] = "yes"
	}
	return out
}

// provision says that the account is set up, which it is from the first run on.
func provision() rest.Mount {
	return rest.Op[struct{}, map[string]any]{
		Method: http.MethodGet, Path: "/account/provision/status", Grants: []account.Grant{account.FlexRead},
		Do: func(_ context.Context, c *rest.Call, _ struct{}) (map[string]any, error) {
			return map[string]any{"status": "active", "url": c.URL("/account/provision/status")}, nil
		},
	}
}
