from django.urls import path

from governance import views

urlpatterns = [
    path("systems/", views.systems, name="systems"),
    path("systems/add/", views.add, name="add_system"),
    path("systems/<int:pk>/", views.system, name="system"),
    path("systems/<int:pk>/change/", views.change, name="change_system"),
]
