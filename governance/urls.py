from django.urls import path

from governance.views import policy, systems

urlpatterns = [
    path("systems/", systems.systems, name="systems"),
    path("systems/add/", systems.add, name="add_system"),
    path("systems/<int:pk>/", systems.system, name="system"),
    path("systems/<int:pk>/change/", systems.change, name="change_system"),
    path("policy/", policy.policy, name="policy"),
    path("policy/change/", policy.change, name="change_policy"),
    path("policy/<int:number>/", policy.policy, name="policy_version"),
]
