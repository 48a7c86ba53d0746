/*
 * schema.c - the table of models: one entry for each model, one row for each field. It has facts
 * only, no logic.
 *
 * A model has all fields that servers 0.6.42 to 0.12.4 send. If some version leaves a field out,
 * the field is optional and has the newest server's default. Older fields come first, newer ones
 * last. The fields of a base are written once, in a macro. Models that derive from the base begin
 * with this macro.
 */
#include "schema.h"

/* ---------------------------------------------------------------- words of the rows */

#define NO_DEFAULT {.tag = OWU_TAG_UNSET}
#define NULL_DEFAULT {.tag = OWU_TAG_NULL}
#define EMPTY_LIST {.tag = OWU_TAG_JSON, .flags = OWU_CELL_NORMAL, .len = 2, .u = {.text = "[]"}}
#define EMPTY_DICT {.tag = OWU_TAG_JSON, .flags = OWU_CELL_NORMAL, .len = 2, .u = {.text = "{}"}}
#define TEXT_DEFAULT(value) \
    { \
        .tag = OWU_TAG_STR, .flags = OWU_CELL_ASCII | OWU_CELL_PLAIN, .len = sizeof(value) - 1, \
        .u = {.text = value} \
    }

#define ROW(name, python_name, kind, item, nullable, model, flags, def, doc) \
    {name, \
     python_name, \
     {kind, item, nullable, model}, \
     flags, \
     def, \
     doc, \
     sizeof(name) - 1, \
     sizeof(name) + 2, \
     "\"" name "\":"}

/* Must be there. */
#define REQUIRED(name, kind, doc) \
    ROW(name, name, kind, OWU_ANY, false, NULL, OWU_REQUIRED, NO_DEFAULT, doc)
#define REQUIRED_WITH(name, kind, more, doc) \
    ROW(name, name, kind, OWU_ANY, false, NULL, OWU_REQUIRED | (more), NO_DEFAULT, doc)
#define REQUIRED_MODEL(name, model, doc) \
    ROW(name, name, OWU_MODEL, OWU_ANY, false, model, OWU_REQUIRED, NO_DEFAULT, doc)
#define REQUIRED_LIST(name, item, model, doc) \
    ROW(name, name, OWU_LIST, item, false, model, OWU_REQUIRED, NO_DEFAULT, doc)
/* May be missing, and may be null. */
#define OPTIONAL(name, kind, doc) ROW(name, name, kind, OWU_ANY, true, NULL, 0, NULL_DEFAULT, doc)
#define OPTIONAL_WITH(name, kind, more, doc) \
    ROW(name, name, kind, OWU_ANY, true, NULL, more, NULL_DEFAULT, doc)
#define OPTIONAL_MODEL(name, model, doc) \
    ROW(name, name, OWU_MODEL, OWU_ANY, true, model, 0, NULL_DEFAULT, doc)
#define OPTIONAL_LIST(name, item, model, doc) \
    ROW(name, name, OWU_LIST, item, true, model, 0, NULL_DEFAULT, doc)
/* May be missing, not null. */
#define FLAG(name, value, doc) \
    ROW(name, name, OWU_BOOL, OWU_ANY, false, NULL, 0, \
        {.tag = OWU_TAG_BOOL COMMA.u = {.boolean = value}}, doc)
#define COUNT(name, doc) \
    ROW(name, name, OWU_INT, OWU_ANY, false, NULL, 0, \
        {.tag = OWU_TAG_INT COMMA.u = {.integer = 0}}, doc)
#define SHARE(name, doc) \
    ROW(name, name, OWU_FLOAT, OWU_ANY, false, NULL, 0, \
        {.tag = OWU_TAG_FLOAT COMMA.u = {.number = 0.0}}, doc)
#define LIST(name, item, model, doc) \
    ROW(name, name, OWU_LIST, item, false, model, 0, EMPTY_LIST, doc)
#define DICT(name, item, more, doc) \
    ROW(name, name, OWU_DICT, item, false, NULL, more, EMPTY_DICT, doc)
#define COMMA ,

#define MODEL(variable, name, base, unknown, doc) \
    const owu_model owu_model_##variable = { \
        name,    base, variable##_fields, sizeof variable##_fields / sizeof *variable##_fields, \
        unknown, doc}

/* ---------------------------------------------------------------- users */

static const owu_field update_profile_form_fields[] = {
    REQUIRED("profile_image_url", OWU_STR, "Address, path or data URL of the profile image."),
    REQUIRED("name", OWU_STR, "Full name, as others see it."),
    OPTIONAL("bio", OWU_STR, "Text of the user about themselves; null or left out clears it."),
    OPTIONAL("gender", OWU_STR, "Gender in the user's own words; null or left out clears it."),
    OPTIONAL("date_of_birth", OWU_DATE, "Day of birth; null or left out clears it."),
};
MODEL(update_profile_form, "UpdateProfileForm", NULL, OWU_CARRY,
      "Changes to your own profile.\n\nThe server stores null for each optional field that is left "
      "out. Read the session user first, and send the values that should stay.");

static const owu_field user_settings_fields[] = {
    ROW("ui", "ui", OWU_DICT, OWU_ANY, true, NULL, 0, EMPTY_DICT,
        "Preferences of the web interface, free-form."),
};
MODEL(user_settings, "UserSettings", NULL, OWU_KEEP,
      "A user's preferences. Keys other than `ui` are kept and sent back.");

#define USER_STATUS_FIELDS \
    OPTIONAL("status_emoji", OWU_STR, "Emoji shown beside the status message."), \
        OPTIONAL("status_message", OWU_STR, "Short text about what the user is doing."), \
        OPTIONAL_WITH("status_expires_at", OWU_INT, OWU_EPOCH, \
                      "When the status message ends, in seconds since 1970.")

#define USER_MODEL_FIELDS \
    REQUIRED("id", OWU_STR, "Unique identifier of the user."), \
        REQUIRED("name", OWU_STR, "Full name, as others see it."), \
        REQUIRED("email", OWU_STR, "E-mail address that the user signs in with."), \
        OPTIONAL("username", OWU_STR, "The user's handle; null when unset."), \
        ROW("role", "role", OWU_STR, OWU_ANY, false, NULL, OWU_CATEGORY, TEXT_DEFAULT("pending"), \
            "One of admin, user and pending; the server stores any other text too."), \
        OPTIONAL("profile_image_url", OWU_STR, "Address, path or data URL of the profile image."), \
        OPTIONAL("profile_banner_image_url", OWU_STR, "Address of the image behind the profile."), \
        OPTIONAL("bio", OWU_STR, "Text of the user about themselves."), \
        OPTIONAL("gender", OWU_STR, "Gender in the user's own words."), \
        OPTIONAL("date_of_birth", OWU_DATE, "Day of birth."), \
        OPTIONAL("timezone", OWU_STR, "IANA name of the user's time zone."), \
        OPTIONAL("presence_state", OWU_STR, "Presence, such as online or idle."), \
        USER_STATUS_FIELDS, \
        OPTIONAL("info", OWU_DICT, "Free-form facts about the user, such as a location."), \
        DICT("variables", OWU_ANY, OWU_EXCLUDED | OWU_FORGIVING, \
             "The user's prompt variables; never part of a dump."), \
        OPTIONAL_MODEL("settings", &owu_model_user_settings, "The user's preferences."), \
        OPTIONAL_WITH("api_key", OWU_STR, OWU_SECRET, \
                      "The user's API key, from servers that still send it."), \
        OPTIONAL_WITH("oauth", OWU_DICT, OWU_SECRET, \
                      "Identity at each OAuth provider, by the provider's name."), \
        OPTIONAL("scim", OWU_DICT, "Identity at each SCIM provider, by the provider's name."), \
        OPTIONAL_WITH("oauth_sub", OWU_STR, OWU_SECRET, \
                      "OAuth subject, from servers that still send it."), \
        REQUIRED_WITH("last_active_at", OWU_INT, OWU_EPOCH, \
                      "Last activity in seconds since 1970; at first the time of creation."), \
        REQUIRED_WITH("updated_at", OWU_INT, OWU_EPOCH, "Last change in seconds since 1970."), \
        REQUIRED_WITH("created_at", OWU_INT, OWU_EPOCH, "Creation in seconds since 1970.")

static const owu_field user_model_fields[] = {USER_MODEL_FIELDS};
MODEL(user_model, "UserModel", NULL, OWU_CARRY, "A user with everything that the server stores.");

static const owu_field user_group_ids_model_fields[] = {
    USER_MODEL_FIELDS,
    LIST("group_ids", OWU_STR, NULL, "Identifiers of the groups that the user is a member of."),
};
MODEL(user_group_ids_model, "UserGroupIdsModel", &owu_model_user_model, OWU_CARRY,
      "A user with the identifiers of their groups.");

static const owu_field user_group_ids_list_response_fields[] = {
    REQUIRED_LIST("users", OWU_MODEL, &owu_model_user_group_ids_model, "The users of this page."),
    REQUIRED("total", OWU_INT, "Number of matching users on all pages."),
};
MODEL(user_group_ids_list_response, "UserGroupIdsListResponse", NULL, OWU_CARRY,
      "One page of users with their groups.");

static const owu_field user_model_response_fields[] = {USER_MODEL_FIELDS};
MODEL(user_model_response, "UserModelResponse", &owu_model_user_model, OWU_KEEP,
      "A user. Unknown keys are kept.");

static const owu_field user_list_response_fields[] = {
    REQUIRED_LIST("users", OWU_MODEL, &owu_model_user_model_response, "The users of this page."),
    REQUIRED("total", OWU_INT, "Number of users on all pages."),
};
MODEL(user_list_response, "UserListResponse", NULL, OWU_CARRY, "One page of users.");

static const owu_field user_status_fields[] = {USER_STATUS_FIELDS};
MODEL(user_status, "UserStatus", NULL, OWU_CARRY,
      "A user's status.\n\nWhen you send it, the server ignores nulls: null keeps a value, an "
      "empty text or 0 clears it.");

#define USER_INFO_RESPONSE_FIELDS \
    USER_STATUS_FIELDS, REQUIRED("id", OWU_STR, "Unique identifier of the user."), \
        REQUIRED("name", OWU_STR, "Full name, as others see it."), \
        REQUIRED("email", OWU_STR, "E-mail address that the user signs in with."), \
        REQUIRED_WITH("role", OWU_STR, OWU_CATEGORY, "One of admin, user and pending."), \
        OPTIONAL("bio", OWU_STR, "Text of the user about themselves."), \
        ROW("groups", "groups", OWU_LIST, OWU_ANY, true, NULL, 0, EMPTY_LIST, \
            "Groups of the user; lists and searches leave it empty."), \
        FLAG("is_active", false, \
             "Active within three minutes; lists and searches always say false."), \
        OPTIONAL("timezone", OWU_STR, "IANA name of the user's time zone."), \
        OPTIONAL_WITH("last_active_at", OWU_INT, OWU_EPOCH, \
                      "Last activity in seconds since 1970.")

static const owu_field user_info_response_fields[] = {USER_INFO_RESPONSE_FIELDS};
MODEL(user_info_response, "UserInfoResponse", &owu_model_user_status, OWU_CARRY,
      "A user as lists and searches show them.");

#define USER_ID_NAME_RESPONSE_FIELDS \
    REQUIRED("id", OWU_STR, "Unique identifier of the user."), \
        REQUIRED("name", OWU_STR, "Full name, as others see it.")

static const owu_field user_id_name_response_fields[] = {USER_ID_NAME_RESPONSE_FIELDS};
MODEL(user_id_name_response, "UserIdNameResponse", NULL, OWU_CARRY, "A user's id and name.");

static const owu_field user_id_name_list_response_fields[] = {
    REQUIRED_LIST("users", OWU_MODEL, &owu_model_user_id_name_response, "The users of this page."),
    REQUIRED("total", OWU_INT, "Number of matching users on all pages."),
};
MODEL(user_id_name_list_response, "UserIdNameListResponse", NULL, OWU_CARRY,
      "One page of users by id and name.");

static const owu_field user_info_list_response_fields[] = {
    REQUIRED_LIST("users", OWU_MODEL, &owu_model_user_info_response, "The users of this page."),
    REQUIRED("total", OWU_INT, "Number of matching users on all pages."),
};
MODEL(user_info_list_response, "UserInfoListResponse", &owu_model_user_id_name_list_response,
      OWU_CARRY, "One page of users as lists and searches show them.");

static const owu_field active_users_response_fields[] = {
    REQUIRED_LIST("user_ids", OWU_STR, NULL, "Identifiers of the users that are active now."),
};
MODEL(active_users_response, "ActiveUsersResponse", NULL, OWU_CARRY,
      "The users that are active now.");

static const owu_field user_active_response_fields[] = {
    USER_STATUS_FIELDS,
    REQUIRED("name", OWU_STR, "Full name, as others see it."),
    OPTIONAL("profile_image_url", OWU_STR, "Address, path or data URL of the profile image."),
    REQUIRED("is_active", OWU_BOOL, "Was the user active within the last three minutes?"),
    ROW("groups", "groups", OWU_LIST, OWU_ANY, true, NULL, 0, EMPTY_LIST,
        "Groups of the user, each with id and name."),
};
MODEL(user_active_response, "UserActiveResponse", &owu_model_user_status, OWU_KEEP,
      "A user and their activity. Other keys that the server sends (id, email, role …) are kept.");

static const owu_field user_id_name_status_response_fields[] = {
    USER_STATUS_FIELDS,
    USER_ID_NAME_RESPONSE_FIELDS,
    OPTIONAL("is_active", OWU_BOOL, "Was the user active within the last three minutes?"),
};
MODEL(user_id_name_status_response, "UserIdNameStatusResponse", &owu_model_user_status, OWU_CARRY,
      "A user's id, name, status and activity.");

#define USER_NAME_RESPONSE_FIELDS \
    REQUIRED("id", OWU_STR, "Unique identifier of the user."), \
        REQUIRED("name", OWU_STR, "Full name, as others see it."), \
        REQUIRED_WITH("role", OWU_STR, OWU_CATEGORY, "One of admin, user and pending.")

static const owu_field user_name_response_fields[] = {USER_NAME_RESPONSE_FIELDS};
MODEL(user_name_response, "UserNameResponse", NULL, OWU_CARRY, "A user's id, name and role.");

#define USER_PROFILE_IMAGE_RESPONSE_FIELDS \
    USER_NAME_RESPONSE_FIELDS, \
        REQUIRED("email", OWU_STR, "E-mail address that the user signs in with."), \
        REQUIRED("profile_image_url", OWU_STR, "Address, path or data URL of the profile image.")

static const owu_field user_profile_image_response_fields[] = {USER_PROFILE_IMAGE_RESPONSE_FIELDS};
MODEL(user_profile_image_response, "UserProfileImageResponse", &owu_model_user_name_response,
      OWU_CARRY, "A user's id, name, role, e-mail and profile image.");

static const owu_field user_response_fields[] = {
    USER_NAME_RESPONSE_FIELDS,
    REQUIRED("email", OWU_STR, "E-mail address that the user signs in with."),
};
MODEL(user_response, "UserResponse", &owu_model_user_name_response, OWU_CARRY,
      "A user's id, name, role and e-mail.");

static const owu_field user_update_form_fields[] = {
    OPTIONAL_WITH("role", OWU_STR, OWU_CATEGORY,
                  "New role: admin, user or pending; the server does not check it."),
    OPTIONAL("name", OWU_STR, "New full name."),
    OPTIONAL("email", OWU_STR, "New e-mail address; the server does not check it."),
    OPTIONAL("profile_image_url", OWU_STR, "New address, path or data URL of the profile image."),
    OPTIONAL_WITH("password", OWU_STR, OWU_SECRET, "New password, at most 72 bytes in UTF-8."),
};
MODEL(user_update_form, "UserUpdateForm", NULL, OWU_CARRY,
      "Changes to a user. Only fields that are set are sent.\n\nServers before 0.10.2 need role, "
      "name, email and profile_image_url in every update.");

static const owu_field user_role_update_form_fields[] = {
    REQUIRED("id", OWU_STR, "Identifier of the user."),
    REQUIRED_WITH("role", OWU_STR, OWU_CATEGORY, "New role: admin, user or pending."),
};
MODEL(user_role_update_form, "UserRoleUpdateForm", NULL, OWU_CARRY, "A new role for a user.");

/* ---------------------------------------------------------------- permissions */

static const owu_field workspace_permissions_fields[] = {
    FLAG("models", false, "May use the models page of the workspace."),
    FLAG("knowledge", false, "May use the knowledge page of the workspace."),
    FLAG("prompts", false, "May use the prompts page of the workspace."),
    FLAG("tools", false, "May use the tools page of the workspace."),
    FLAG("skills", false, "May use the skills page of the workspace."),
    FLAG("models_import", false, "May import models."),
    FLAG("models_export", false, "May export models."),
    FLAG("prompts_import", false, "May import prompts."),
    FLAG("prompts_export", false, "May export prompts."),
    FLAG("tools_import", false, "May import tools."),
    FLAG("tools_export", false, "May export tools."),
    FLAG("skills_import", false, "May import skills."),
    FLAG("skills_export", false, "May export skills."),
    FLAG("models_hidden", false, "May see models that are hidden."),
};
MODEL(workspace_permissions, "WorkspacePermissions", NULL, OWU_CARRY,
      "Permissions in the workspace.");

static const owu_field sharing_permissions_fields[] = {
    FLAG("models", false, "May share models with chosen people."),
    FLAG("public_models", false, "May share models with everybody."),
    FLAG("knowledge", false, "May share knowledge with chosen people."),
    FLAG("public_knowledge", false, "May share knowledge with everybody."),
    FLAG("prompts", false, "May share prompts with chosen people."),
    FLAG("public_prompts", false, "May share prompts with everybody."),
    FLAG("tools", false, "May share tools with chosen people."),
    FLAG("public_tools", false, "May share tools with everybody."),
    FLAG("skills", false, "May share skills with chosen people."),
    FLAG("public_skills", false, "May share skills with everybody."),
    FLAG("notes", false, "May share notes with chosen people."),
    FLAG("public_notes", false, "May share notes with everybody."),
    FLAG("folders", false, "May share folders."),
    FLAG("public_chats", false, "May share chats with everybody."),
    FLAG("public_calendars", false, "May share calendars with everybody."),
    FLAG("open_chats", false, "May share chats that others can continue."),
};
MODEL(sharing_permissions, "SharingPermissions", NULL, OWU_CARRY, "Permissions to share.");

static const owu_field chat_permissions_fields[] = {
    FLAG("controls", true, "May open the controls of a chat."),
    FLAG("valves", true, "May set the valves of tools and functions."),
    FLAG("system_prompt", true, "May set a system prompt."),
    FLAG("params", true, "May set model parameters."),
    FLAG("file_upload", true, "May upload files."),
    FLAG("web_upload", true, "May attach web pages."),
    FLAG("delete", true, "May delete chats."),
    FLAG("delete_message", true, "May delete messages."),
    FLAG("continue_response", true, "May continue a response."),
    FLAG("regenerate_response", true, "May regenerate a response."),
    FLAG("rate_response", true, "May rate responses."),
    FLAG("edit", true, "May edit messages."),
    FLAG("share", true, "May share chats by a link."),
    FLAG("export", true, "May export chats."),
    ROW("import", "import_", OWU_BOOL, OWU_ANY, false, NULL, 0,
        {.tag = OWU_TAG_BOOL COMMA.u = {.boolean = true}}, "May import chats."),
    FLAG("stt", true, "May use speech to text."),
    FLAG("tts", true, "May use text to speech."),
    FLAG("call", true, "May use voice calls."),
    FLAG("multiple_models", true, "May ask several models at once."),
    FLAG("temporary", true, "May use temporary chats."),
    FLAG("temporary_enforced", false, "Can use only temporary chats."),
};
MODEL(chat_permissions, "ChatPermissions", NULL, OWU_CARRY, "Permissions in chats.");

static const owu_field features_permissions_fields[] = {
    FLAG("api_keys", false, "May create an API key."),
    FLAG("direct_tool_servers", false, "May connect tool servers directly."),
    FLAG("web_search", true, "May use web search."),
    FLAG("image_generation", true, "May generate images."),
    FLAG("code_interpreter", true, "May use the code interpreter."),
    FLAG("notes", true, "May use notes."),
    FLAG("channels", true, "May use channels."),
    FLAG("folders", true, "May use folders."),
    FLAG("memories", true, "May use memories."),
    FLAG("automations", false, "May use automations."),
    FLAG("calendar", true, "May use the calendar."),
    FLAG("webhooks", false, "May use webhooks."),
    FLAG("encrypted_channels", false, "May use encrypted channels."),
};
MODEL(features_permissions, "FeaturesPermissions", NULL, OWU_CARRY, "Permissions to use features.");

static const owu_field settings_permissions_fields[] = {
    FLAG("interface", true, "May change the settings of the interface."),
};
MODEL(settings_permissions, "SettingsPermissions", NULL, OWU_CARRY,
      "Permissions to change settings.");

static const owu_field access_grants_permissions_fields[] = {
    FLAG("allow_users", true, "May grant access to single users."),
    FLAG("allow_groups", true, "May grant access to groups."),
};
MODEL(access_grants_permissions, "AccessGrantsPermissions", NULL, OWU_CARRY,
      "Permissions to grant access to others.");

static const owu_field user_permissions_fields[] = {
    REQUIRED_MODEL("workspace", &owu_model_workspace_permissions, "Permissions in the workspace."),
    REQUIRED_MODEL("sharing", &owu_model_sharing_permissions, "Permissions to share."),
    REQUIRED_MODEL("chat", &owu_model_chat_permissions, "Permissions in chats."),
    REQUIRED_MODEL("features", &owu_model_features_permissions, "Permissions to use features."),
    OPTIONAL_MODEL("settings", &owu_model_settings_permissions,
                   "Permissions to change settings; null from servers that lack the section."),
    OPTIONAL_MODEL("access_grants", &owu_model_access_grants_permissions,
                   "Permissions to grant access; null from servers that lack the section."),
};
MODEL(user_permissions, "UserPermissions", NULL, OWU_CARRY,
      "All permissions of a user, or the defaults for every user.\n\nThe server always stores all "
      "defaults: read them, change what you want, and write the same object back.");

/* ---------------------------------------------------------------- variables, usage, preview */

static const owu_field user_variables_form_fields[] = {
    DICT("variables", OWU_ANY, 0, "All prompt variables of the user, by name."),
};
MODEL(user_variables_form, "UserVariablesForm", NULL, OWU_CARRY,
      "Prompt variables that replace the stored ones.");

static const owu_field user_variables_response_fields[] = {
    DICT("variables", OWU_STR, 0, "All prompt variables of the user, by name."),
};
MODEL(user_variables_response, "UserVariablesResponse", NULL, OWU_CARRY,
      "The stored prompt variables.");

static const owu_field user_usage_totals_fields[] = {
    COUNT("lifetime_tokens", "Tokens ever used."),
    COUNT("input_tokens", "Tokens sent to models in the period."),
    COUNT("output_tokens", "Tokens received from models in the period."),
    COUNT("peak_daily_tokens", "Tokens of the busiest day."),
    COUNT("longest_chat_seconds", "Length of the longest chat in seconds."),
    COUNT("current_streak", "Days in a row with activity, up to now."),
    COUNT("longest_streak", "Maximum number of days in a row with activity."),
    COUNT("total_chats", "Number of chats."),
    COUNT("active_days", "Days with activity."),
    COUNT("models_used", "Number of different models used."),
    COUNT("messages", "Number of messages."),
    COUNT("user_messages", "Messages that the user wrote."),
    COUNT("assistant_messages", "Messages that models wrote."),
};
MODEL(user_usage_totals, "UserUsageTotals", NULL, OWU_CARRY, "Sums over the period.");

static const owu_field user_usage_heatmap_entry_fields[] = {
    REQUIRED("date", OWU_STR, "The day, or the first day of the week."),
    COUNT("messages", "Messages of the entry."),
    COUNT("chats", "Chats of the entry."),
    COUNT("tokens", "Tokens of the entry."),
    DICT("models", OWU_INT, 0, "Messages by the model's id."),
};
MODEL(user_usage_heatmap_entry, "UserUsageHeatmapEntry", NULL, OWU_CARRY,
      "One day or week of usage.");

static const owu_field user_usage_model_entry_fields[] = {
    REQUIRED("model_id", OWU_STR, "Identifier of the model."),
    COUNT("messages", "Messages with the model."),
    COUNT("input_tokens", "Tokens sent to the model."),
    COUNT("output_tokens", "Tokens received from the model."),
    COUNT("total_tokens", "Tokens in both directions."),
};
MODEL(user_usage_model_entry, "UserUsageModelEntry", NULL, OWU_CARRY, "Usage of one model.");

static const owu_field user_usage_tool_entry_fields[] = {
    REQUIRED("name", OWU_STR, "Name of the tool."),
    REQUIRED("count", OWU_INT, "Number of calls of the tool."),
};
MODEL(user_usage_tool_entry, "UserUsageToolEntry", NULL, OWU_CARRY, "Usage of one tool.");

static const owu_field user_usage_insights_fields[] = {
    OPTIONAL("most_used_model", OWU_STR, "Identifier of the model used most."),
    SHARE("average_tokens_per_chat", "Average number of tokens in a chat."),
    SHARE("average_messages_per_active_day", "Average number of messages on a day with activity."),
    SHARE("user_message_share", "Part of the messages that the user wrote."),
    SHARE("assistant_message_share", "Part of the messages that models wrote."),
};
MODEL(user_usage_insights, "UserUsageInsights", NULL, OWU_CARRY, "Figures derived from usage.");

static const owu_field user_usage_period_fields[] = {
    REQUIRED_WITH("start_date", OWU_INT, OWU_EPOCH, "Start in seconds since 1970."),
    REQUIRED_WITH("end_date", OWU_INT, OWU_EPOCH, "End in seconds since 1970."),
    REQUIRED("days", OWU_INT, "Length in days."),
};
MODEL(user_usage_period, "UserUsagePeriod", NULL, OWU_CARRY, "The period that usage covers.");

static const owu_field user_usage_response_fields[] = {
    REQUIRED_MODEL("totals", &owu_model_user_usage_totals, "Sums over the period."),
    REQUIRED_LIST("heatmap", OWU_MODEL, &owu_model_user_usage_heatmap_entry, "Usage day by day."),
    REQUIRED_LIST("weekly_heatmap", OWU_MODEL, &owu_model_user_usage_heatmap_entry,
                  "Usage week by week."),
    REQUIRED_LIST("cumulative_heatmap", OWU_MODEL, &owu_model_user_usage_heatmap_entry,
                  "Usage added up day by day."),
    REQUIRED_MODEL("insights", &owu_model_user_usage_insights, "Figures derived from usage."),
    REQUIRED_LIST("top_models", OWU_MODEL, &owu_model_user_usage_model_entry, "Models used most."),
    LIST("top_tools", OWU_MODEL, &owu_model_user_usage_tool_entry, "Tools used most."),
    REQUIRED_MODEL("period", &owu_model_user_usage_period, "The period that the usage covers."),
};
MODEL(user_usage_response, "UserUsageResponse", NULL, OWU_CARRY, "A user's usage over a period.");

static const owu_field resource_preview_item_fields[] = {
    REQUIRED("id", OWU_STR, "Identifier of the resource."),
    REQUIRED("name", OWU_STR, "Name of the resource."),
};
MODEL(resource_preview_item, "ResourcePreviewItem", NULL, OWU_CARRY, "A resource by id and name.");

static const owu_field resource_preview_list_fields[] = {
    REQUIRED_LIST("items", OWU_MODEL, &owu_model_resource_preview_item,
                  "The first of the resources."),
    REQUIRED("total", OWU_INT, "Number of all resources."),
};
MODEL(resource_preview_list, "ResourcePreviewList", NULL, OWU_CARRY,
      "The first of some resources, and their number.");

static const owu_field user_preview_user_fields[] = {
    REQUIRED("id", OWU_STR, "Unique identifier of the user."),
    REQUIRED("name", OWU_STR, "Full name, as others see it."),
};
MODEL(user_preview_user, "UserPreviewUser", NULL, OWU_CARRY, "The user of the preview.");

static const owu_field user_preview_fields[] = {
    REQUIRED_MODEL("user", &owu_model_user_preview_user, "The user of the preview."),
    LIST("groups", OWU_MODEL, &owu_model_resource_preview_item, "Groups of the user."),
    REQUIRED_MODEL("models", &owu_model_resource_preview_list, "Models that the user can reach."),
    REQUIRED_MODEL("knowledge", &owu_model_resource_preview_list,
                   "Knowledge that the user can reach."),
    REQUIRED_MODEL("tools", &owu_model_resource_preview_list, "Tools that the user can reach."),
};
MODEL(user_preview, "UserPreview", NULL, OWU_CARRY, "What a user can reach.");

/* ---------------------------------------------------------------- auths */

static const owu_field signin_form_fields[] = {
    REQUIRED("email", OWU_STR, "E-mail address of the user."),
    REQUIRED_WITH("password", OWU_STR, OWU_SECRET, "Password of the user."),
};
MODEL(signin_form, "SigninForm", NULL, OWU_CARRY,
      "E-mail address and password of a user who signs in.");

static const owu_field signin_response_fields[] = {
    OPTIONAL("id", OWU_STR, "Unique identifier of the user."),
    OPTIONAL("name", OWU_STR, "Full name, as others see it."),
    OPTIONAL_WITH("role", OWU_STR, OWU_CATEGORY, "One of admin, user and pending."),
    OPTIONAL("email", OWU_STR, "E-mail address that the user signs in with."),
    OPTIONAL("profile_image_url", OWU_STR, "Address, path or data URL of the profile image."),
    OPTIONAL_WITH("token", OWU_STR, OWU_SECRET,
                  "Session token; null while a second step or an approval is missing."),
    OPTIONAL("token_type", OWU_STR, "Kind of the token: Bearer."),
    OPTIONAL_WITH("expires_at", OWU_INT, OWU_EPOCH, "When the token ends, in seconds since 1970."),
    OPTIONAL("permissions", OWU_DICT, "What the user may do, by section and name."),
    OPTIONAL("next_step", OWU_STR, "What must happen before there is a token, such as pending."),
    OPTIONAL_WITH("challenge_token", OWU_STR, OWU_SECRET,
                  "Token for the second step of signing in."),
    OPTIONAL("expires_in", OWU_INT, "Seconds until the challenge token ends."),
};
MODEL(signin_response, "SigninResponse", NULL, OWU_CARRY,
      "The answer to signing in or up.\n\nIt holds a token. Without a token, next_step says what "
      "must happen first: the second step of a two-step sign-in, or an administrator's approval.");

#define SIGNUP_FORM_FIELDS \
    REQUIRED("name", OWU_STR, "Full name of the new user."), \
        REQUIRED("email", OWU_STR, "E-mail address of the new user."), \
        REQUIRED_WITH("password", OWU_STR, OWU_SECRET, \
                      "Password of the new user, at most 72 bytes in UTF-8."), \
        ROW("profile_image_url", "profile_image_url", OWU_STR, OWU_ANY, true, NULL, 0, \
            TEXT_DEFAULT("/user.png"), "Address, path or data URL of the profile image.")

static const owu_field signup_form_fields[] = {SIGNUP_FORM_FIELDS};
MODEL(signup_form, "SignupForm", NULL, OWU_CARRY, "Data of a new user who signs up.");

static const owu_field add_user_form_fields[] = {
    SIGNUP_FORM_FIELDS,
    ROW("role", "role", OWU_STR, OWU_ANY, true, NULL, OWU_CATEGORY, TEXT_DEFAULT("pending"),
        "Role of the new user: admin, user or pending."),
};
MODEL(add_user_form, "AddUserForm", &owu_model_signup_form, OWU_CARRY,
      "A new user, created by an administrator.");

static const owu_field add_user_response_fields[] = {
    USER_PROFILE_IMAGE_RESPONSE_FIELDS,
    OPTIONAL_WITH("token", OWU_STR, OWU_SECRET,
                  "Valid session token of the new user; null if two-step sign-in is on."),
    OPTIONAL("token_type", OWU_STR, "Kind of the token: Bearer."),
};
MODEL(add_user_response, "AddUserResponse", &owu_model_user_profile_image_response, OWU_CARRY,
      "The new user, with a valid session token.");

static const owu_field session_user_response_fields[] = {
    USER_PROFILE_IMAGE_RESPONSE_FIELDS,
    REQUIRED_WITH("token", OWU_STR, OWU_SECRET, "Session token."),
    REQUIRED("token_type", OWU_STR, "Kind of the token: Bearer."),
    OPTIONAL_WITH("expires_at", OWU_INT, OWU_EPOCH, "When the token ends, in seconds since 1970."),
    OPTIONAL("permissions", OWU_DICT, "What the user may do, by section and name."),
    USER_STATUS_FIELDS,
    OPTIONAL("bio", OWU_STR, "Text of the user about themselves."),
    OPTIONAL("gender", OWU_STR, "Gender in the user's own words."),
    OPTIONAL("date_of_birth", OWU_DATE, "Day of birth."),
};
MODEL(session_user_response, "SessionUserResponse", &owu_model_user_profile_image_response,
      OWU_CARRY, "The user that the client is signed in as.");

static const owu_field update_password_form_fields[] = {
    REQUIRED_WITH("password", OWU_STR, OWU_SECRET, "The current password."),
    REQUIRED_WITH("new_password", OWU_STR, OWU_SECRET,
                  "The new password, at most 72 bytes in UTF-8."),
};
MODEL(update_password_form, "UpdatePasswordForm", NULL, OWU_CARRY,
      "A new password for your own account.");

static const owu_field update_timezone_form_fields[] = {
    REQUIRED("timezone", OWU_STR, "IANA name of the time zone."),
};
MODEL(update_timezone_form, "UpdateTimezoneForm", NULL, OWU_CARRY,
      "A new time zone for your own account.");

static const owu_field signout_response_fields[] = {
    REQUIRED("status", OWU_BOOL, "Was the session ended?"),
    OPTIONAL("redirect_url", OWU_STR, "Where a browser should go next."),
};
MODEL(signout_response, "SignoutResponse", NULL, OWU_CARRY, "The answer to signing out.");

static const owu_field api_key_fields[] = {
    OPTIONAL_WITH("api_key", OWU_STR, OWU_SECRET, "The key; null when there is none."),
};
MODEL(api_key, "ApiKey", NULL, OWU_CARRY, "The API key of your own account.");

static const owu_field oauth_session_model_fields[] = {
    REQUIRED("id", OWU_STR, "Identifier of the session."),
    REQUIRED("user_id", OWU_STR, "Identifier of the user."),
    REQUIRED("provider", OWU_STR, "Name of the OAuth provider."),
    REQUIRED_WITH("token", OWU_DICT, OWU_SECRET, "Tokens of the provider."),
    REQUIRED_WITH("expires_at", OWU_INT, OWU_EPOCH, "End of the session in seconds since 1970."),
    REQUIRED_WITH("created_at", OWU_INT, OWU_EPOCH, "Creation in seconds since 1970."),
    REQUIRED_WITH("updated_at", OWU_INT, OWU_EPOCH, "Last change in seconds since 1970."),
};
MODEL(oauth_session_model, "OAuthSessionModel", NULL, OWU_CARRY, "A session at an OAuth provider.");

/* ---------------------------------------------------------------- groups */

static const owu_field group_model_fields[] = {
    REQUIRED("id", OWU_STR, "Unique identifier of the group."),
    REQUIRED("user_id", OWU_STR, "Identifier of the user who created the group."),
    REQUIRED("name", OWU_STR, "Name of the group."),
    REQUIRED("description", OWU_STR, "What the group is for."),
    OPTIONAL("data", OWU_DICT, "Free-form data, such as the sharing configuration."),
    OPTIONAL("meta", OWU_DICT, "Free-form facts about the group."),
    OPTIONAL("permissions", OWU_DICT, "Permissions of the members, by section and name."),
    REQUIRED_WITH("created_at", OWU_INT, OWU_EPOCH, "Creation in seconds since 1970."),
    REQUIRED_WITH("updated_at", OWU_INT, OWU_EPOCH, "Last change in seconds since 1970."),
    OPTIONAL("member_count", OWU_INT, "Number of members."),
    OPTIONAL("parent_group_id", OWU_STR, "Identifier of the group that contains this group."),
};
MODEL(group_model, "GroupModel", NULL, OWU_CARRY, "A group of users.");

#define GROUP_FORM_FIELDS \
    REQUIRED("name", OWU_STR, "Name of the group."), \
        REQUIRED("description", OWU_STR, "What the group is for."), \
        OPTIONAL("permissions", OWU_DICT, \
                 "Permissions of the members; they replace all stored ones."), \
        OPTIONAL("data", OWU_DICT, "Free-form data, such as the sharing configuration."), \
        OPTIONAL("parent_group_id", OWU_STR, "Identifier of the group that contains this group.")

static const owu_field group_form_fields[] = {GROUP_FORM_FIELDS};
MODEL(group_form, "GroupForm", NULL, OWU_CARRY, "A new group.");

static const owu_field group_update_form_fields[] = {GROUP_FORM_FIELDS};
MODEL(group_update_form, "GroupUpdateForm", &owu_model_group_form, OWU_CARRY,
      "Changes to a group. Name and description are required. Given permissions replace all stored "
      "ones.");

static const owu_field user_ids_form_fields[] = {
    OPTIONAL_LIST("user_ids", OWU_STR, NULL, "Identifiers of users; unknown ones are ignored."),
};
MODEL(user_ids_form, "UserIdsForm", NULL, OWU_CARRY, "Some users, by identifier.");

static const owu_field group_member_info_fields[] = {
    USER_INFO_RESPONSE_FIELDS,
    REQUIRED("membership_type", OWU_STR, "How the user belongs: direct or inherited."),
    LIST("via_group_ids", OWU_STR, NULL, "Groups through which the membership is inherited."),
};
MODEL(group_member_info, "GroupMemberInfo", &owu_model_user_info_response, OWU_CARRY,
      "A member of a group.");

static const owu_field group_members_response_fields[] = {
    REQUIRED_LIST("items", OWU_MODEL, &owu_model_group_member_info, "The members of this page."),
    REQUIRED("total", OWU_INT, "Number of matching members on all pages."),
    ROW("counts", "counts", OWU_DICT, OWU_INT, false, NULL, OWU_REQUIRED, NO_DEFAULT,
        "Number of members by the kind of membership."),
};
MODEL(group_members_response, "GroupMembersResponse", NULL, OWU_CARRY,
      "One page of the members of a group.");

/* ---------------------------------------------------------------- channels and messages */

static const owu_field access_grant_model_fields[] = {
    REQUIRED("id", OWU_STR, "Identifier of the grant."),
    REQUIRED("resource_type", OWU_STR, "Kind of the resource."),
    REQUIRED("resource_id", OWU_STR, "Identifier of the resource."),
    REQUIRED("principal_type", OWU_STR, "Kind of the principal: user or group."),
    REQUIRED("principal_id", OWU_STR, "Identifier of the user or group that has access."),
    REQUIRED("permission", OWU_STR, "What is granted: read or write."),
    REQUIRED_WITH("created_at", OWU_INT, OWU_EPOCH, "Creation in seconds since 1970."),
};
MODEL(access_grant_model, "AccessGrantModel", NULL, OWU_CARRY,
      "Access that is granted to a user or a group.");

#define CHANNEL_MODEL_FIELDS \
    REQUIRED("id", OWU_STR, "Unique identifier of the channel."), \
        REQUIRED("user_id", OWU_STR, "Identifier of the user who created the channel."), \
        OPTIONAL("type", OWU_STR, "Kind of the channel: null, group or dm."), \
        REQUIRED("name", OWU_STR, "Name of the channel."), \
        OPTIONAL("description", OWU_STR, "What the channel is for."), \
        OPTIONAL("is_private", OWU_BOOL, "Is the channel for members only?"), \
        OPTIONAL("data", OWU_DICT, "Free-form data."), \
        OPTIONAL("meta", OWU_DICT, "Free-form facts about the channel."), \
        LIST("access_grants", OWU_MODEL, &owu_model_access_grant_model, \
             "Read and write access of users and groups."), \
        OPTIONAL("access_control", OWU_DICT, "Read and write access, from older servers."), \
        REQUIRED_WITH("created_at", OWU_INT, OWU_EPOCH_NS, "Creation in nanoseconds since 1970."), \
        REQUIRED_WITH("updated_at", OWU_INT, OWU_EPOCH_NS, \
                      "Last change in nanoseconds since 1970."), \
        OPTIONAL("updated_by", OWU_STR, "Identifier of the user who made the last change."), \
        OPTIONAL_WITH("archived_at", OWU_INT, OWU_EPOCH_NS, \
                      "When the channel was archived, in nanoseconds since 1970."), \
        OPTIONAL("archived_by", OWU_STR, "Identifier of the user who archived the channel."), \
        OPTIONAL_WITH("deleted_at", OWU_INT, OWU_EPOCH_NS, \
                      "When the channel was deleted, in nanoseconds since 1970."), \
        OPTIONAL("deleted_by", OWU_STR, "Identifier of the user who deleted the channel.")

static const owu_field channel_model_fields[] = {CHANNEL_MODEL_FIELDS};
MODEL(channel_model, "ChannelModel", NULL, OWU_CARRY, "A channel.");

static const owu_field channel_list_item_response_fields[] = {
    CHANNEL_MODEL_FIELDS,
    OPTIONAL_LIST("user_ids", OWU_STR, NULL, "Identifiers of the members, for direct messages."),
    OPTIONAL_LIST("users", OWU_MODEL, &owu_model_user_id_name_status_response,
                  "The members, for direct messages."),
    OPTIONAL_WITH("last_message_at", OWU_INT, OWU_EPOCH_NS,
                  "Time of the last message in nanoseconds since 1970."),
    COUNT("unread_count", "Messages that the caller has not read."),
    FLAG("is_channel_muted", false, "Has the caller muted the channel?"),
};
MODEL(channel_list_item_response, "ChannelListItemResponse", &owu_model_channel_model, OWU_CARRY,
      "A channel as the caller's list shows it.");

static const owu_field channel_member_response_fields[] = {
    REQUIRED("id", OWU_STR, "Unique identifier of the user."),
    REQUIRED("name", OWU_STR, "Full name, as others see it."),
    REQUIRED("email", OWU_STR, "E-mail address that the user signs in with."),
    REQUIRED_WITH("role", OWU_STR, OWU_CATEGORY, "One of admin, user and pending."),
    OPTIONAL("profile_image_url", OWU_STR, "Address, path or data URL of the profile image."),
    OPTIONAL("presence_state", OWU_STR, "Presence, such as online or idle."),
    USER_STATUS_FIELDS,
    FLAG("is_active", false, "Was the user active within the last three minutes?"),
};
MODEL(channel_member_response, "ChannelMemberResponse", NULL, OWU_KEEP,
      "A member of a channel. Other keys that older servers send are kept.");

static const owu_field channel_member_list_response_fields[] = {
    REQUIRED_LIST("users", OWU_MODEL, &owu_model_channel_member_response,
                  "The members of this page."),
    REQUIRED("total", OWU_INT, "Number of matching members on all pages."),
};
MODEL(channel_member_list_response, "ChannelMemberListResponse", NULL, OWU_CARRY,
      "One page of the members of a channel.");

#define MESSAGE_MODEL_FIELDS \
    REQUIRED("id", OWU_STR, "Unique identifier of the message."), \
        REQUIRED("user_id", OWU_STR, "Identifier of the user who wrote the message."), \
        OPTIONAL("channel_id", OWU_STR, "Identifier of the channel."), \
        OPTIONAL("reply_to_id", OWU_STR, "Identifier of the message that this one answers."), \
        OPTIONAL("parent_id", OWU_STR, "Identifier of the message that opens its thread."), \
        FLAG("is_pinned", false, "Is the message pinned to the channel?"), \
        OPTIONAL("pinned_by", OWU_STR, "Identifier of the user who pinned the message."), \
        OPTIONAL_WITH("pinned_at", OWU_INT, OWU_EPOCH_NS, \
                      "When the message was pinned, in nanoseconds since 1970."), \
        REQUIRED("content", OWU_STR, "Text of the message."), \
        OPTIONAL("data", OWU_DICT, "Free-form data, such as attached files."), \
        OPTIONAL("meta", OWU_DICT, "Free-form facts about the message."), \
        REQUIRED_WITH("created_at", OWU_INT, OWU_EPOCH_NS, "Creation in nanoseconds since 1970."), \
        REQUIRED_WITH("updated_at", OWU_INT, OWU_EPOCH_NS, \
                      "Last change in nanoseconds since 1970.")

static const owu_field message_model_fields[] = {MESSAGE_MODEL_FIELDS};
MODEL(message_model, "MessageModel", NULL, OWU_CARRY, "A message of a channel.");

static const owu_field message_user_response_fields[] = {
    MESSAGE_MODEL_FIELDS,
    OPTIONAL_MODEL("user", &owu_model_user_name_response, "The user who wrote the message."),
};
MODEL(message_user_response, "MessageUserResponse", &owu_model_message_model, OWU_CARRY,
      "A message with the user who wrote it.");

/* ---------------------------------------------------------------- all of them */

const owu_model *const owu_models[] = {
    &owu_model_update_profile_form,
    &owu_model_user_settings,
    &owu_model_user_model,
    &owu_model_user_group_ids_model,
    &owu_model_user_group_ids_list_response,
    &owu_model_user_model_response,
    &owu_model_user_list_response,
    &owu_model_user_status,
    &owu_model_user_info_response,
    &owu_model_user_id_name_response,
    &owu_model_user_id_name_list_response,
    &owu_model_user_info_list_response,
    &owu_model_active_users_response,
    &owu_model_user_active_response,
    &owu_model_user_id_name_status_response,
    &owu_model_user_name_response,
    &owu_model_user_profile_image_response,
    &owu_model_user_response,
    &owu_model_user_update_form,
    &owu_model_user_role_update_form,
    &owu_model_workspace_permissions,
    &owu_model_sharing_permissions,
    &owu_model_chat_permissions,
    &owu_model_features_permissions,
    &owu_model_settings_permissions,
    &owu_model_access_grants_permissions,
    &owu_model_user_permissions,
    &owu_model_user_variables_form,
    &owu_model_user_variables_response,
    &owu_model_user_usage_totals,
    &owu_model_user_usage_heatmap_entry,
    &owu_model_user_usage_model_entry,
    &owu_model_user_usage_tool_entry,
    &owu_model_user_usage_insights,
    &owu_model_user_usage_period,
    &owu_model_user_usage_response,
    &owu_model_resource_preview_item,
    &owu_model_resource_preview_list,
    &owu_model_user_preview_user,
    &owu_model_user_preview,
    &owu_model_signin_form,
    &owu_model_signin_response,
    &owu_model_signup_form,
    &owu_model_add_user_form,
    &owu_model_add_user_response,
    &owu_model_session_user_response,
    &owu_model_update_password_form,
    &owu_model_update_timezone_form,
    &owu_model_signout_response,
    &owu_model_api_key,
    &owu_model_oauth_session_model,
    &owu_model_group_model,
    &owu_model_group_form,
    &owu_model_group_update_form,
    &owu_model_user_ids_form,
    &owu_model_group_member_info,
    &owu_model_group_members_response,
    &owu_model_access_grant_model,
    &owu_model_channel_model,
    &owu_model_channel_list_item_response,
    &owu_model_channel_member_response,
    &owu_model_channel_member_list_response,
    &owu_model_message_model,
    &owu_model_message_user_response,
    NULL,
};
