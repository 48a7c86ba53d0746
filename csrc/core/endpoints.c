/*
 * endpoints.c - the table of calls: one row a call. Facts only, no logic.
 *
 * `since` is the first of the server versions 0.6.42, 0.8.12, 0.10.2 and 0.12.4 that has the route.
 */
#include "schema.h"

/* ---------------------------------------------------------------- words of the rows */

#define TYPE(kind) {kind, OWU_ANY, false, NULL}
#define NULLABLE(kind) {kind, OWU_ANY, true, NULL}
#define MODEL(model) {OWU_MODEL, OWU_ANY, false, &model}
#define MODEL_OR_NULL(model) {OWU_MODEL, OWU_ANY, true, &model}
#define LIST_OF(model) {OWU_LIST, OWU_MODEL, false, &model}
#define DICT_OF(kind) {OWU_DICT, kind, false, NULL}

#define NOT_SENT {.tag = OWU_TAG_UNSET}
#define ROOT "/api/v1"
#define OLDEST "0.6.42"
const char owu_oldest_version[] = OLDEST;

#define PATH(name, doc) {name, OWU_IN_PATH, TYPE(OWU_STR), true, NOT_SENT, NULL, doc, 0, 0}
#define QUERY(name, kind, since, doc) \
    {name, OWU_IN_QUERY, NULLABLE(kind), false, NOT_SENT, since, doc, 0, 0}
#define QUERY_WITHIN(name, min, max, since, doc) \
    {name, OWU_IN_QUERY, NULLABLE(OWU_INT), false, NOT_SENT, since, doc, min, max}
#define BODY(name, model, doc) {name, OWU_IN_BODY, MODEL(model), true, NOT_SENT, NULL, doc, 0, 0}
#define DICT_BODY(name, doc) {name, OWU_IN_BODY, DICT_OF(OWU_ANY), true, NOT_SENT, NULL, doc, 0, 0}
#define SWITCH(name, doc) \
    {name, \
     OWU_IN_CLIENT, \
     TYPE(OWU_BOOL), \
     false, \
     {.tag = OWU_TAG_BOOL, .u = {.boolean = true}}, \
     NULL, \
     doc, \
     0, \
     0}

#define PARAMS(variable) variable##_params, sizeof variable##_params / sizeof *variable##_params
#define NO_PARAMS NULL, 0
#define ALWAYS NULL, NULL /* the same method on older servers */

/* ---------------------------------------------------------------- parameters */

#define LIST_QUERIES \
    QUERY("query", OWU_STR, NULL, \
          "Text to look for in name and e-mail; `%` and `_` are wildcards of the server."), \
        QUERY("order_by", OWU_STR, NULL, \
              "Column to sort by, such as email or created_at; email alone is unique."), \
        QUERY("direction", OWU_STR, NULL, "Direction of the sort: asc or desc."), \
        QUERY_WITHIN("page", 1, INT32_MAX, NULL, \
                     "Number of the page, from 1; a page has 30 users.")

static const owu_param list_params[] = {LIST_QUERIES};

#define USER_ID PATH("user_id", "Identifier of the user.")
static const owu_param user_id_params[] = {USER_ID};

#define INHERITED \
    QUERY("include_inherited", OWU_BOOL, "0.12.4", \
          "Also list groups that contain one of the user's groups; older servers have no such " \
          "groups.")
static const owu_param own_groups_params[] = {INHERITED};
static const owu_param user_groups_params[] = {USER_ID, INHERITED};

static const owu_param permissions_params[] = {
    BODY("permissions", owu_model_user_permissions, "All default permissions."),
};
static const owu_param get_settings_params[] = {
    QUERY("raw", OWU_BOOL, "0.12.4",
          "Read only what the user stored, without the administrator's defaults: "
          "do this before you write. Older servers never merge the defaults."),
};
static const owu_param settings_params[] = {
    BODY("settings", owu_model_user_settings, "Keys to store; other keys stay."),
};
static const owu_param status_params[] = {
    BODY("status", owu_model_user_status,
         "The status; an empty text or 0 clears a value, null keeps it."),
};
static const owu_param info_params[] = {
    DICT_BODY("info", "Keys to store; other keys stay."),
};
static const owu_param variables_params[] = {
    BODY("variables", owu_model_user_variables_form, "All variables, by name; others are removed."),
};
static const owu_param usage_params[] = {
    QUERY_WITHIN("days", 7, 732, NULL, "Length of the period in days, 7 to 732."),
    QUERY("start_date", OWU_INT, NULL, "Start of the period in seconds since 1970."),
    QUERY("end_date", OWU_INT, NULL, "End of the period in seconds since 1970."),
};
static const owu_param update_user_params[] = {
    USER_ID,
    BODY("form_data", owu_model_user_update_form,
         "What to change; only fields that are set are sent."),
};

static const owu_param signin_params[] = {
    BODY("form_data", owu_model_signin_form, "E-mail address and password."),
    SWITCH("set_client_api_key", "Use the token of the answer for the calls that follow."),
};
static const owu_param signup_params[] = {
    BODY("form_data", owu_model_signup_form, "Name, e-mail address and password."),
    SWITCH("set_client_api_key", "Use the token of the answer for the calls that follow."),
};
static const owu_param sign_out_params[] = {
    SWITCH("unset_client_api_key", "Forget the client's token afterwards."),
};
static const owu_param add_user_params[] = {
    BODY("form_data", owu_model_add_user_form, "Name, e-mail address, password and role."),
};
static const owu_param profile_params[] = {
    BODY("form_data", owu_model_update_profile_form,
         "The profile; bio, gender and date_of_birth become null when they are left out."),
};
static const owu_param timezone_params[] = {
    BODY("form_data", owu_model_update_timezone_form, "The time zone."),
};
static const owu_param password_params[] = {
    BODY("form_data", owu_model_update_password_form, "The current password, and the new one."),
};

#define GROUP_ID PATH("id", "Identifier of the group.")
static const owu_param group_id_params[] = {GROUP_ID};
static const owu_param groups_params[] = {
    QUERY("share", OWU_BOOL, NULL,
          "True: only groups that users can share with; False: only the others."),
};
static const owu_param create_group_params[] = {
    BODY("form_data", owu_model_group_form, "Name, description and permissions."),
};
static const owu_param update_group_params[] = {
    GROUP_ID,
    BODY("form_data", owu_model_group_update_form,
         "Name and description; permissions, if given, replace all old ones."),
};
static const owu_param group_users_params[] = {
    GROUP_ID,
    BODY("form_data", owu_model_user_ids_form,
         "Identifiers of the users; unknown ones are ignored."),
};
static const owu_param group_members_params[] = {
    GROUP_ID,
    QUERY("membership", OWU_STR, NULL, "Kind of membership: direct, inherited or effective."),
    QUERY("query", OWU_STR, NULL, "Text to look for in name and e-mail."),
    QUERY_WITHIN("page", 1, INT32_MAX, NULL, "Number of the page from 1."),
};

static const owu_param channel_members_params[] = {
    PATH("id", "Identifier of the channel."),
    LIST_QUERIES,
};

/* ---------------------------------------------------------------- calls */

const owu_endpoint owu_endpoints[] = {
    /* users */
    {"users", "get_users", "GET", ROOT "/users/", PARAMS(list),
     MODEL(owu_model_user_group_ids_list_response), OWU_REPEATABLE, OLDEST, ALWAYS,
     "List users with their groups, page by page.\n\nPages are stable only "
     "with order_by=\"email\": in other columns, values can be equal. A page"
     " past the end is empty.",
     "One page of users, and how many there are on all pages.", NULL},
    {"users", "get_all_users", "GET", ROOT "/users/all", NO_PARAMS,
     MODEL(owu_model_user_info_list_response), OWU_REPEATABLE, OLDEST, ALWAYS,
     "List all users at once.\n\nHere is_active is always false and groups is always empty: use "
     "last_active_at, and get_users() for groups.",
     "All users, and their number.", NULL},
    {"users", "search_users", "GET", ROOT "/users/search", PARAMS(list),
     MODEL(owu_model_user_info_list_response), OWU_REPEATABLE, OLDEST, ALWAYS,
     "Search users by name and e-mail address, page by page.\n\nThe search finds parts of names, "
     "ignores case, and takes `%` and `_` as wildcards: compare e-mail addresses yourself when "
     "you look for one.",
     "One page of users, and how many match on all pages.", NULL},
    {"users", "get_user_groups", "GET", ROOT "/users/groups", PARAMS(own_groups),
     LIST_OF(owu_model_group_model), OWU_REPEATABLE, OLDEST, ALWAYS,
     "List the groups that the caller is a member of.", "The groups.", NULL},
    {"users", "get_user_permissions", "GET", ROOT "/users/permissions", NO_PARAMS, DICT_OF(OWU_ANY),
     OWU_REPEATABLE, OLDEST, ALWAYS,
     "Read what the caller may do: the defaults and what their groups add.",
     "Permissions by section and name.", NULL},
    {"users", "get_default_user_permissions", "GET", ROOT "/users/default/permissions", NO_PARAMS,
     MODEL(owu_model_user_permissions), OWU_REPEATABLE, OLDEST, ALWAYS,
     "Read the default permissions of every user.\n\nThe object keeps "
     "permissions that this package does not know, and sends them back when "
     "it is written.",
     "The default permissions.", NULL},
    {"users", "update_default_user_permissions", "POST", ROOT "/users/default/permissions",
     PARAMS(permissions), MODEL(owu_model_user_permissions), 0, OLDEST, ALWAYS,
     "Replace the default permissions of every user.\n\nThe server stores "
     "the body as a whole, and resets missing permissions to its own "
     "defaults. So change the object that get_default_user_permissions() "
     "returned, and send that.",
     "The permissions as stored.", NULL},
    {"users", "get_default_user_permission_defaults", "GET",
     ROOT "/users/default/permissions/defaults", NO_PARAMS, MODEL(owu_model_user_permissions),
     OWU_REPEATABLE, "0.10.2", ALWAYS, "Read the default permissions that the server started with.",
     "The permissions of a new server.", NULL},
    {"users", "get_user_settings", "GET", ROOT "/users/user/settings", PARAMS(get_settings),
     MODEL_OR_NULL(owu_model_user_settings), OWU_REPEATABLE, OLDEST, ALWAYS,
     "Read the caller's own settings.", "The settings, or None if none are stored.", NULL},
    {"users", "update_user_settings", "POST", ROOT "/users/user/settings/update", PARAMS(settings),
     MODEL(owu_model_user_settings), 0, OLDEST, ALWAYS,
     "Change the caller's own settings.\n\nThe server merges top-level keys."
     " From 0.12.4 on, it also merges keys below ui, and null removes a key.",
     "The settings as stored.", NULL},
    {"users", "get_user_status", "GET", ROOT "/users/user/status", NO_PARAMS,
     MODEL(owu_model_user_model), OWU_REPEATABLE, OLDEST, ALWAYS, "Read the caller's own status.",
     "The caller, with their status.", NULL},
    {"users", "update_user_status", "POST", ROOT "/users/user/status/update", PARAMS(status),
     MODEL(owu_model_user_model), 0, OLDEST, ALWAYS,
     "Change the caller's own status.\n\nThe server skips nulls: an empty text and 0 clear a "
     "value.",
     "The caller, with the new status.", NULL},
    {"users",
     "get_user_info",
     "GET",
     ROOT "/users/user/info",
     NO_PARAMS,
     {OWU_DICT, OWU_ANY, true, NULL},
     OWU_REPEATABLE,
     OLDEST,
     ALWAYS,
     "Read the caller's own free-form info.",
     "The info, or None if none is stored.",
     NULL},
    {"users",
     "update_user_info",
     "POST",
     ROOT "/users/user/info/update",
     PARAMS(info),
     {OWU_DICT, OWU_ANY, true, NULL},
     0,
     OLDEST,
     ALWAYS,
     "Change the caller's own free-form info: the server merges top-level "
     "keys.",
     "The info as stored.",
     NULL},
    {"users", "get_user_variables", "GET", ROOT "/users/user/variables", NO_PARAMS,
     MODEL(owu_model_user_variables_response), OWU_REPEATABLE, "0.12.4", ALWAYS,
     "Read the caller's own prompt variables.", "The variables.", NULL},
    {"users", "update_user_variables", "POST", ROOT "/users/user/variables/update",
     PARAMS(variables), MODEL(owu_model_user_variables_response), OWU_BARE_BODY, "0.12.4", ALWAYS,
     "Replace the caller's own prompt variables.\n\nGive a dict of names and texts, or a "
     "UserVariablesForm. Names are lower case with digits and underscores.",
     "The variables as stored.", NULL},
    {"users", "get_user_usage", "GET", ROOT "/users/usage", PARAMS(usage),
     MODEL(owu_model_user_usage_response), OWU_REPEATABLE, "0.12.4", ALWAYS,
     "Read the caller's own usage over a period.",
     "Sums, heat maps, and the most used models and tools.", NULL},
    {"users", "get_user_by_id", "GET", ROOT "/users/{user_id}", PARAMS(user_id),
     MODEL(owu_model_user_active_response), OWU_REPEATABLE | OWU_USER_ROUTE, OLDEST, ALWAYS,
     "Read one user, with their activity.", "The user.", NULL},
    {"users", "update_user_by_id", "POST", ROOT "/users/{user_id}/update", PARAMS(update_user),
     MODEL_OR_NULL(owu_model_user_model), OWU_CHECKS_PASSWORD | OWU_USER_ROUTE, OLDEST, ALWAYS,
     "Change a user: role, name, e-mail address, profile image or "
     "password.\n\nOnly fields that are set are sent. Servers before 0.10.2 "
     "refuse a form that lacks role, name, email or profile_image_url. The "
     "server stores any role and any e-mail address: a misspelt role locks "
     "the user out.",
     "The user as stored.", NULL},
    {"users", "delete_user_by_id", "DELETE", ROOT "/users/{user_id}", PARAMS(user_id),
     TYPE(OWU_BOOL), OWU_USER_ROUTE, OLDEST, ALWAYS,
     "Delete a user and all their chats, for good.\n\nThe result is True "
     "even if the user does not exist. You cannot delete yourself or the "
     "first administrator. To keep the chats, set the role to pending and "
     "revoke the sessions instead.",
     "True.", NULL},
    {"users", "get_user_oauth_sessions_by_id", "GET", ROOT "/users/{user_id}/oauth/sessions",
     PARAMS(user_id), LIST_OF(owu_model_oauth_session_model), OWU_REPEATABLE | OWU_USER_ROUTE,
     OLDEST, ALWAYS, "List a user's sessions at OAuth providers.", "The sessions.",
     "there is no such user, or the user has no OAuth sessions: the server answers both alike"},
    {"users", "get_user_profile_image_by_id", "GET", ROOT "/users/{user_id}/profile/image",
     PARAMS(user_id), TYPE(OWU_BYTES), OWU_REPEATABLE | OWU_USER_ROUTE | OWU_FOLLOW_ONCE, OLDEST,
     ALWAYS,
     "Fetch a user's profile image.\n\nIf the server redirects to the image,"
     " the client follows one redirect, without credentials.",
     "The bytes of the image.", NULL},
    {"users", "get_user_active_status_by_id", "GET", ROOT "/users/{user_id}/active",
     PARAMS(user_id), DICT_OF(OWU_BOOL), OWU_REPEATABLE | OWU_USER_ROUTE, OLDEST, ALWAYS,
     "Ask whether a user is active now.\n\nAn unknown user counts as not "
     "active.",
     "A dict with the key `active`.", NULL},
    {"users", "get_user_groups_by_id", "GET", ROOT "/users/{user_id}/groups", PARAMS(user_groups),
     LIST_OF(owu_model_group_model), OWU_REPEATABLE | OWU_USER_ROUTE, OLDEST, ALWAYS,
     "List the groups that a user is a member of.\n\nAn unknown user has none.", "The groups.",
     NULL},
    {"users", "get_user_preview_by_id", "GET", ROOT "/users/{user_id}/preview", PARAMS(user_id),
     MODEL(owu_model_user_preview), OWU_REPEATABLE | OWU_USER_ROUTE, "0.10.2", ALWAYS,
     "Show what a user can reach: groups, models, knowledge and tools.", "The preview.", NULL},
    {"users", "get_user_info_by_id", "GET", ROOT "/users/{user_id}/info", PARAMS(user_id),
     MODEL(owu_model_user_info_response), OWU_REPEATABLE | OWU_USER_ROUTE, "0.8.12", ALWAYS,
     "Read one user as lists show them, with groups and activity.", "The user.", NULL},
    {"users", "revoke_user_sessions", "POST", ROOT "/users/{user_id}/sessions/revoke",
     PARAMS(user_id), TYPE(OWU_BOOL), OWU_USER_ROUTE, "0.12.4", ALWAYS,
     "End all sessions of a user.\n\nAll tokens of the user stop working. "
     "The user's API key still works: no route lets an administrator delete "
     "it.",
     "True.", NULL},
    /* auths */
    {"auths", "signin", "POST", ROOT "/auths/signin", PARAMS(signin),
     MODEL(owu_model_signin_response), OWU_PUBLIC | OWU_ADOPTS_TOKEN, OLDEST, ALWAYS,
     "Sign in with e-mail address and password.\n\nThe server allows 15 attempts in three minutes "
     "for one address.",
     "The user with a token; or, in next_step, the step that is required "
     "first.",
     NULL},
    {"auths", "signup", "POST", ROOT "/auths/signup", PARAMS(signup),
     MODEL(owu_model_signin_response), OWU_PUBLIC | OWU_ADOPTS_TOKEN | OWU_CHECKS_PASSWORD, OLDEST,
     ALWAYS, "Sign up as a new user.\n\nThe first user of a server becomes its administrator.",
     "The user with a token; or, in next_step, the step that is required "
     "first.",
     NULL},
    {"auths", "sign_out", "POST", ROOT "/auths/signout", PARAMS(sign_out),
     MODEL(owu_model_signout_response), OWU_DROPS_TOKEN, OLDEST, "GET", "0.10.2",
     "End the caller's session.", "Whether it was ended.", NULL},
    {"auths", "get_session_user", "GET", ROOT "/auths/", NO_PARAMS,
     MODEL(owu_model_session_user_response), OWU_REPEATABLE, OLDEST, ALWAYS,
     "Read the user that the client is signed in as.\n\nFrom 0.12.4 on this needs a session token: "
     "an API key is refused.",
     "The caller.", NULL},
    {"auths", "add_user", "POST", ROOT "/auths/add", PARAMS(add_user),
     MODEL(owu_model_add_user_response), OWU_CHECKS_PASSWORD, OLDEST, ALWAYS,
     "Add a user, as an administrator.\n\nThe server also adds the user to "
     "its default group. It stores any role: a misspelt role locks the user "
     "out.",
     "The new user, with a valid token of this user: keep it secret.", NULL},
    {"auths", "update_profile", "POST", ROOT "/auths/update/profile", PARAMS(profile),
     MODEL(owu_model_user_profile_image_response), 0, OLDEST, ALWAYS,
     "Change the caller's own profile.\n\nFields that are left out become "
     "null: read get_session_user() first, and send the values that should "
     "stay.",
     "The caller as stored.", NULL},
    {"auths", "update_timezone", "POST", ROOT "/auths/update/timezone", PARAMS(timezone),
     DICT_OF(OWU_BOOL), 0, "0.8.12", ALWAYS, "Change the caller's own time zone.",
     "A dict with the key `status`.", NULL},
    {"auths", "update_password", "POST", ROOT "/auths/update/password", PARAMS(password),
     TYPE(OWU_BOOL), OWU_CHECKS_PASSWORD, OLDEST, ALWAYS, "Change the caller's own password.",
     "True.", NULL},
    {"auths", "get_api_key", "GET", ROOT "/auths/api_key", NO_PARAMS, MODEL(owu_model_api_key),
     OWU_REPEATABLE, OLDEST, ALWAYS, "Read the caller's own API key.", "The key.",
     "the caller has no API key, or the server has API keys switched off"},
    {"auths", "generate_api_key", "POST", ROOT "/auths/api_key", NO_PARAMS,
     MODEL(owu_model_api_key), 0, OLDEST, ALWAYS,
     "Make a new API key for the caller; the old one stops working.", "The new key.", NULL},
    {"auths", "delete_api_key", "DELETE", ROOT "/auths/api_key", NO_PARAMS, TYPE(OWU_BOOL), 0,
     OLDEST, ALWAYS, "Delete the caller's own API key.", "True.", NULL},
    /* groups */
    {"groups", "get_groups", "GET", ROOT "/groups/", PARAMS(groups), LIST_OF(owu_model_group_model),
     OWU_REPEATABLE, OLDEST, ALWAYS,
     "List the groups: for an administrator all of them, for others their "
     "own.",
     "The groups.", NULL},
    {"groups", "create_new_group", "POST", ROOT "/groups/create", PARAMS(create_group),
     MODEL_OR_NULL(owu_model_group_model), 0, OLDEST, ALWAYS, "Create a group.",
     "The group as stored.", NULL},
    {"groups", "get_group_by_id", "GET", ROOT "/groups/id/{id}", PARAMS(group_id),
     MODEL_OR_NULL(owu_model_group_model), OWU_REPEATABLE, OLDEST, ALWAYS, "Read one group.",
     "The group.", "there is no such group"},
    {"groups", "update_group_by_id", "POST", ROOT "/groups/id/{id}/update", PARAMS(update_group),
     MODEL_OR_NULL(owu_model_group_model), 0, OLDEST, ALWAYS,
     "Change a group.\n\nName and description are required; permissions, if "
     "given, replace all old ones.",
     "The group as stored.", "there is no such group"},
    {"groups", "delete_group_by_id", "DELETE", ROOT "/groups/id/{id}/delete", PARAMS(group_id),
     TYPE(OWU_BOOL), 0, OLDEST, ALWAYS, "Delete a group; its members stay.", "True.",
     "there is no such group"},
    {"groups", "add_user_to_group", "POST", ROOT "/groups/id/{id}/users/add", PARAMS(group_users),
     MODEL_OR_NULL(owu_model_group_model), 0, OLDEST, ALWAYS,
     "Add users to a group.\n\nThe server silently ignores unknown "
     "identifiers: compare with get_users_in_group() afterwards.",
     "The group.", "there is no such group"},
    {"groups", "remove_users_from_group", "POST", ROOT "/groups/id/{id}/users/remove",
     PARAMS(group_users), MODEL_OR_NULL(owu_model_group_model), 0, OLDEST, ALWAYS,
     "Remove users from a group.", "The group.", "there is no such group"},
    {"groups", "get_users_in_group", "POST", ROOT "/groups/id/{id}/users", PARAMS(group_id),
     LIST_OF(owu_model_user_info_response), OWU_REPEATABLE, OLDEST, ALWAYS,
     "List the direct members of a group.", "The users.", "there is no such group"},
    {"groups", "get_group_members", "GET", ROOT "/groups/id/{id}/members", PARAMS(group_members),
     MODEL(owu_model_group_members_response), OWU_REPEATABLE, "0.12.4", ALWAYS,
     "List the members of a group and their kind of membership, page by "
     "page.",
     "One page of members, and how many there are of each kind.", "there is no such group"},
    /* channels */
    {"channels", "get_channels", "GET", ROOT "/channels/", NO_PARAMS,
     LIST_OF(owu_model_channel_list_item_response), OWU_REPEATABLE, OLDEST, ALWAYS,
     "List the channels that the caller can see.\n\nThe server refuses this "
     "if channels are switched off.",
     "The channels.", NULL},
    {"channels", "get_members", "GET", ROOT "/channels/{id}/members", PARAMS(channel_members),
     MODEL(owu_model_channel_member_list_response), OWU_REPEATABLE, OLDEST, ALWAYS,
     "List the members of a channel, page by page.", "One page of members, and their number.",
     "there is no such channel"},
};

const size_t owu_n_endpoints = sizeof owu_endpoints / sizeof *owu_endpoints;
