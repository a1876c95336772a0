/* Networks: joining, leaving, members, invitations, and members' tags. */
#include <libpilot.h>

#include "exports.h"

#define REFUSED(words, text)                                                   \
    "{\"error\":\"" words ": daemon: " words ": registry: " text "\"}"

static void membership(uint64_t driver)
{
    check_reply("PilotNetworkList", SUCCESS, "the backbone",
                PilotNetworkList(driver),
                "{\"networks\":[{\"created\":*,\"enterprise\":false,\"id\":0,"
                "\"join_rule\":\"open\",\"name\":\"backbone\"}],"
                "\"type\":\"list_networks_ok\"}");
    check_reply("PilotNetworkJoin", SUCCESS, "with a token",
                PilotNetworkJoin(driver, 7, "secret"),
                "{\"address\":\"7:0007.1234.5678\",\"network_id\":7,"
                "\"type\":\"join_network_ok\"}");
    check_reply("PilotNetworkJoin", SUCCESS, "without a token",
                PilotNetworkJoin(driver, 5, NULL),
                "{\"address\":\"5:0005.1234.5678\",\"network_id\":5,"
                "\"type\":\"join_network_ok\"}");
    check_reply("PilotInfo", SUCCESS, "lists networks that were joined",
                PilotInfo(driver),
                "{*,\"networks\":[*{\"address\":\"7:0007.1234.5678\","
                "\"network_id\":7}*],*}");
    check_reply("PilotNetworkMembers", SUCCESS, "",
                PilotNetworkMembers(driver, 7),
                "{\"nodes\":[{\"address\":\"7:0007.1234.5678\","
                "\"hostname\":\"mock-daemon\",\"last_seen\":\"*Z\","
                "\"node_id\":" NODE ",\"public\":true,*}],"
                "\"type\":\"list_nodes_ok\"}");
    check_reply("PilotNetworkLeave", SUCCESS, "", PilotNetworkLeave(driver, 5),
                "{\"network_id\":5,\"type\":\"leave_network_ok\"}");
    check_reply("PilotNetworkJoin", BAD_ARGUMENT, "the backbone",
                PilotNetworkJoin(driver, 0, ""),
                REFUSED("network join", "cannot join the backbone network"));
    check_reply("PilotNetworkLeave", BAD_ARGUMENT, "the backbone",
                PilotNetworkLeave(driver, 0),
                REFUSED("network leave", "cannot leave the backbone network"));
}

static void invitations(uint64_t driver)
{
    check_reply("PilotNetworkInvite", SUCCESS, "",
                PilotNetworkInvite(driver, 7, PEER_ID),
                "{\"network_id\":7,\"target_node_id\":9,"
                "\"type\":\"invite_to_network_ok\"}");
    check_reply("PilotNetworkInvite", SUCCESS, "a second time",
                PilotNetworkInvite(driver, 7, PEER_ID),
                "{\"network_id\":7,\"status\":\"already_invited\","
                "\"target_node_id\":9,\"type\":\"invite_to_network_ok\"}");
    check_reply("PilotNetworkInvite", BAD_ARGUMENT, "oneself",
                PilotNetworkInvite(driver, 7, NODE_ID),
                REFUSED("network invite", "cannot invite yourself"));
    check_reply("PilotNetworkInvite", BAD_ARGUMENT, "node 0",
                PilotNetworkInvite(driver, 7, 0),
                REFUSED("network invite", "target node 0: node not found"));
    check_reply("PilotNetworkPollInvites", SUCCESS, "none",
                PilotNetworkPollInvites(driver),
                "{\"invites\":[],\"type\":\"poll_invites_ok\"}");
    check_reply("PilotNetworkRespondInvite", SUCCESS, "accepted",
                PilotNetworkRespondInvite(driver, 8, 1),
                "{\"accepted\":true,\"network_id\":8,"
                "\"type\":\"respond_invite_ok\"}");
    check_reply("PilotNetworkRespondInvite", SUCCESS, "rejected",
                PilotNetworkRespondInvite(driver, 6, 0),
                "{\"accepted\":false,\"network_id\":6,"
                "\"type\":\"respond_invite_ok\"}");
}

static void member_tags(uint64_t driver)
{
    check_reply("PilotMemberTagsSet", SUCCESS, "",
                PilotMemberTagsSet(driver, 7, NODE_ID, "[\"web\",\"db\"]"),
                "{\"network_id\":7,\"tags\":[\"web\",\"db\"],"
                "\"target_node_id\":" NODE ",\"type\":\"set_member_tags_ok\"}");
    check_reply("PilotMemberTagsGet", SUCCESS, "one node",
                PilotMemberTagsGet(driver, 7, NODE_ID),
                "{\"network_id\":7,\"tags\":[\"web\",\"db\"],"
                "\"target_node_id\":" NODE ",\"type\":\"get_member_tags_ok\"}");
    check_reply("PilotMemberTagsGet", SUCCESS, "all nodes",
                PilotMemberTagsGet(driver, 7, 0),
                "{\"members\":{*\"" NODE "\":[\"web\",\"db\"]*},"
                "\"network_id\":7,\"type\":\"get_member_tags_ok\"}");
    check_reply("PilotMemberTagsSet", SUCCESS, "none",
                PilotMemberTagsSet(driver, 7, NODE_ID, "[]"),
                "{\"network_id\":7,\"tags\":null,\"target_node_id\":" NODE
                ",\"type\":\"set_member_tags_ok\"}");
    check_reply("PilotMemberTagsSet", BAD_ARGUMENT, "not JSON",
                PilotMemberTagsSet(driver, 7, NODE_ID, "["),
                "{\"error\":\"invalid tags JSON: unexpected end of JSON "
                "input\"}");
    check_reply("PilotMemberTagsSet", BAD_ARGUMENT, "a null pointer",
                PilotMemberTagsSet(driver, 7, NODE_ID, NULL),
                "{\"error\":\"invalid tags JSON: unexpected end of JSON "
                "input\"}");
    check_reply("PilotMemberTagsSet", BAD_ARGUMENT, "a capital",
                PilotMemberTagsSet(driver, 7, NODE_ID, "[\"A\"]"),
                REFUSED("member-tags set", "tag \\\"A\\\" must be lowercase "
                                           "alphanumeric with hyphens"));
}

void networks_run(uint64_t driver)
{
    membership(driver);
    invitations(driver);
    member_tags(driver);
}
