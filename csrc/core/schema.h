/* schema.h - the models of schema.c by name, for the rows of endpoints.c. */
#ifndef OWU_SCHEMA_H
#define OWU_SCHEMA_H

#include "owu.h"

extern const owu_model owu_model_update_profile_form;
extern const owu_model owu_model_user_settings;
extern const owu_model owu_model_user_model;
extern const owu_model owu_model_user_group_ids_model;
extern const owu_model owu_model_user_group_ids_list_response;
extern const owu_model owu_model_user_model_response;
extern const owu_model owu_model_user_list_response;
extern const owu_model owu_model_user_status;
extern const owu_model owu_model_user_info_response;
extern const owu_model owu_model_user_id_name_response;
extern const owu_model owu_model_user_id_name_list_response;
extern const owu_model owu_model_user_info_list_response;
extern const owu_model owu_model_active_users_response;
extern const owu_model owu_model_user_active_response;
extern const owu_model owu_model_user_id_name_status_response;
extern const owu_model owu_model_user_name_response;
extern const owu_model owu_model_user_profile_image_response;
extern const owu_model owu_model_user_response;
extern const owu_model owu_model_user_update_form;
extern const owu_model owu_model_user_role_update_form;
extern const owu_model owu_model_workspace_permissions;
extern const owu_model owu_model_sharing_permissions;
extern const owu_model owu_model_chat_permissions;
extern const owu_model owu_model_features_permissions;
extern const owu_model owu_model_settings_permissions;
extern const owu_model owu_model_access_grants_permissions;
extern const owu_model owu_model_user_permissions;
extern const owu_model owu_model_user_variables_form;
extern const owu_model owu_model_user_variables_response;
extern const owu_model owu_model_user_usage_totals;
extern const owu_model owu_model_user_usage_heatmap_entry;
extern const owu_model owu_model_user_usage_model_entry;
extern const owu_model owu_model_user_usage_tool_entry;
extern const owu_model owu_model_user_usage_insights;
extern const owu_model owu_model_user_usage_period;
extern const owu_model owu_model_user_usage_response;
extern const owu_model owu_model_resource_preview_item;
extern const owu_model owu_model_resource_preview_list;
extern const owu_model owu_model_user_preview_user;
extern const owu_model owu_model_user_preview;
extern const owu_model owu_model_signin_form;
extern const owu_model owu_model_signin_response;
extern const owu_model owu_model_signup_form;
extern const owu_model owu_model_add_user_form;
extern const owu_model owu_model_add_user_response;
extern const owu_model owu_model_session_user_response;
extern const owu_model owu_model_update_password_form;
extern const owu_model owu_model_update_timezone_form;
extern const owu_model owu_model_signout_response;
extern const owu_model owu_model_api_key;
extern const owu_model owu_model_oauth_session_model;
extern const owu_model owu_model_group_model;
extern const owu_model owu_model_group_form;
extern const owu_model owu_model_group_update_form;
extern const owu_model owu_model_user_ids_form;
extern const owu_model owu_model_group_member_info;
extern const owu_model owu_model_group_members_response;
extern const owu_model owu_model_access_grant_model;
extern const owu_model owu_model_channel_model;
extern const owu_model owu_model_channel_list_item_response;
extern const owu_model owu_model_channel_member_response;
extern const owu_model owu_model_channel_member_list_response;
extern const owu_model owu_model_message_model;
extern const owu_model owu_model_message_user_response;

#endif
